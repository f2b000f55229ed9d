/**
 * Publishes bodies to JetStream, as many at once as asked for, each awaited, and prints what it saw as `ingest.lua`
 * does. Arguments: address, subject, file of bodies, seconds, messages in flight.
 */
import { connect } from "nats";

const [address = "", subject = "", bodiesPath = "", secondsText = "", inFlightText = ""] = process.argv.slice(2);
const bodies = (await Bun.file(bodiesPath).text())
  .trimEnd()
  .split("\n")
  .map((body) => Buffer.from(body));
const connection = await connect({ servers: address });
const jetstream = connection.jetstream();

const tookMs: number[] = [];
let turn = 0;
const startedMs = performance.now();
const endMs = startedMs + Number(secondsText) * 1_000;

/** One publisher with one message in flight. A message that is not taken ends everything: then there are no figures. */
async function publishUntilEnd(): Promise<void> {
  for (let nowMs = performance.now(); nowMs < endMs; ) {
    turn = (turn + 1) % bodies.length;
    await jetstream.publish(subject, bodies[turn]);
    const doneMs = performance.now();
    tookMs.push(doneMs - nowMs);
    nowMs = doneMs;
  }
}

await Promise.all(Array.from({ length: Number(inFlightText) }, publishUntilEnd));
const microseconds = Math.round((performance.now() - startedMs) * 1_000);
await connection.close();

/** The same report as `ingest.lua` prints. */
const percentiles = [50, 75, 90, 95, 99, 99.5, 99.9, 99.99, 100];

const sorted = Float64Array.from(tookMs).sort();
const percentileUs = (share: number) => Math.round((sorted[Math.floor(share * (sorted.length - 1))] ?? 0) * 1_000);
const latencyUs = percentiles.map((percentile) => [percentile, percentileUs(percentile / 100)]);
const none = { refused: 0, socketErrors: 0, timeouts: 0, repeated: 0 };
console.log(JSON.stringify({ answered: sorted.length, ...none, microseconds, made: sorted.length, latencyUs }));
