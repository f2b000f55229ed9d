/**
 * Stops a service: refuses new requests, answers those in flight, seals everything accepted, publishes the catalog,
 * closes.
 */
import { systemClock } from "../base/clock.ts";
import { closeScope } from "./close.ts";
import { orLogged, type Parts } from "./parts.ts";

/** Requests in flight at a stop have this long to be answered; by then each is durable or refused. ms */
const drainMsMax = 3_000;

/** Times after which a stop no longer retries a failed flush, and a failed catalog. A stop has 10 s in all. ms */
const [sealMsMax, publishMsMax] = [6_500, 8_000];

/** Pause between two checks whether requests are still in flight. ms */
const drainLookMs = 5;

/**
 * Stops a service once. Returns true when everything accepted is sealed and published; otherwise the journal has what
 * was not sealed. A second call returns false at once.
 */
export async function stopService(parts: Parts, scope: AsyncDisposableStack): Promise<boolean> {
  const { life, gate, log, queries, tail, dispatcher, shards, publisher, boards } = parts;
  if (life.phase === "stopping") return false;
  life.phase = "stopping";
  gate.isAccepting = false;
  log.info("stopping");
  tail.stop();
  await Promise.all([queries.stop(), parts.alertQueries.stop(), life.alerts?.[Symbol.asyncDispose]()]);
  await life.upkeep?.[Symbol.asyncDispose]();
  const nowMs = systemClock.monotonicMs();
  while (dispatcher.requestsInFlight > 0 && systemClock.monotonicMs() < nowMs + drainMsMax)
    await Bun.sleep(drainLookMs);
  const stop = { kind: "stop", giveUpAtMs: nowMs + sealMsMax } as const;
  await Promise.all(shards.map((shard) => orLogged(log, shard.ask(stop))));
  const isPublished = await publisher.finish(nowMs + publishMsMax);
  const isSealed = boards.every((board) => board.peek("pendingEvents") === 0);
  await closeScope(scope, parts.config.logLevel);
  log.info({ sealed: isSealed }, "stopped");
  return isPublished && isSealed;
}
