/** Stores exactly a given number of events: `wrk` stops by time, this by count. */
import { batchEventsMax } from "../../src/event/limits.ts";
import type { Bench } from "../core/scenario.ts";
import { batchBodies, idPlace } from "../load/events.ts";
import type { Service } from "../system/service.ts";

/** Enough that each of two shards is kept busy: a request goes to the next one only past 256 KiB under way. */
const requestsAtOnce = 32;

/** Bodies are made as they are needed, this many at a time, none of them twice. */
const bodiesAtOnce = 100;

/** Longest wait for an answer. ms */
const answerMsMax = 30_000;

/** What was sent, and acknowledged. */
export interface Filled {
  /** The next multiple of a batch. */
  readonly events: number;
  /** Of all bodies. */
  readonly bytes: number;
}

/**
 * Posts full batches until `events` are acknowledged.
 * @throws Error an answer is not 200: the number of stored events is then unknown
 */
export async function fill(bench: Bench, service: Service, { events }: { events: number }): Promise<Filled> {
  const batches = Math.ceil(events / batchEventsMax);
  const bodies = freshBodies(bench, batches);
  let bytes = 0;
  const post = async () => {
    for (const body of bodies) {
      await postBatch(bench, service, body);
      bytes += Buffer.byteLength(body);
    }
  };
  await Promise.all(Array.from({ length: requestsAtOnce }, post));
  return { events: batches * batchEventsMax, bytes };
}

async function postBatch({ signal }: Bench, { url, token }: Service, body: string): Promise<void> {
  const answer = await fetch(`${url}/api/v1/analytics/batch`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body,
    signal: AbortSignal.any([signal, AbortSignal.timeout(answerMsMax)]),
  });
  const said = await answer.text();
  if (answer.status !== 200) throw new Error(`a batch was answered ${answer.status}: ${said}`);
}

/** One stream for all who post: each takes the next. */
function* freshBodies({ seed, ids }: Bench, count: number): Generator<string, void> {
  const options = { nowMs: Date.now(), ids };
  for (let made = 0; made < count; made += bodiesAtOnce) {
    // A seed of its own for each handful of bodies: a body that came before would make the files smaller than they are.
    const handful = { ...options, seed: seed + made, count: Math.min(bodiesAtOnce, count - made) };
    for (const body of batchBodies(handful)) yield body.replaceAll(idPlace, () => crypto.randomUUID());
  }
}
