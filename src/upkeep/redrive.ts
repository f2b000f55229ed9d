/**
 * Sends refused events again, under the same ids. Those that are accepted now leave the store.
 *
 * Invariants:
 * - An event leaves the store only after it is durable. If the service is killed in between, the next redrive sends it
 *   again, and its id makes it a duplicate.
 * - The events of one file are sent in one turn of upkeep, so no erasure comes between reading and sending them.
 */
import { jsonOrUndefined } from "../base/json.ts";
import { batchEventsMax } from "../event/limits.ts";
import { isRecord } from "../event/parse/parse.ts";
import type { Protocol } from "../event/protocols.ts";
import type { RefusedRecord } from "../refused/record.ts";
import type { KeptEvent } from "../refused/refused-file.ts";
import type { RefusedStore } from "../refused/refused-store.ts";
import type { EachSender } from "../shard/lanes/each-sender.ts";
import { RewriteFailed } from "./rewriter.ts";
import type { Turns } from "./turns.ts";

/**
 * Maps an event that could not be mapped before, from the form in which it is kept, to events in the own API's form;
 * none if it still cannot be mapped.
 */
export type MapAgain = (record: RefusedRecord) => Promise<readonly string[]>;

/** What a redrive works with. */
export type RedriveTools = {
  refusedEvents: RefusedStore;
  eachSender: Pick<EachSender, "store">;
  mapAgain: MapAgain;
};

/** Which refused events: of a protocol, or of all; refused at this time or later, ms since 1970. */
export type RedriveRequest = { protocol: Protocol | undefined; sinceMs: number };

/** How many events were sent again, and how many of them are still refused. */
export type Redriven = { sent: number; refused: number };

/** A larger event is sent alone. Bytes. */
const bodyBytesMax = 900_000;

/** A refused event, and what is sent for it. */
type Resent = { kept: KeptEvent; events: readonly string[] };

/**
 * Sends refused events again, the files one after another, each in a turn of its own. Stops before the next file when
 * `isLeft`; what is done stays done.
 * @throws Overloaded, ActorDied or RewriteFailed when it cannot go on now
 */
export async function redriveAll(
  tools: RedriveTools,
  request: RedriveRequest,
  { isLeft, turns }: { isLeft: () => boolean; turns: Turns },
): Promise<Redriven> {
  const all: Redriven = { sent: 0, refused: 0 };
  for (const path of tools.refusedEvents.paths) {
    if (isLeft()) throw new RewriteFailed("nobody waits for it any more, or the service stops");
    const { sent, refused } = await turns.inTurn(() => redriveFile(tools, path, request));
    all.sent += sent;
    all.refused += refused;
  }
  return all;
}

/**
 * Sends the refused events of one file again.
 * @throws Overloaded or ActorDied when the shards take no events now; those that were accepted before have left
 */
async function redriveFile(tools: RedriveTools, path: string, request: RedriveRequest): Promise<Redriven> {
  const { refusedEvents } = tools;
  const lines = await refusedEvents.read(path);
  const asked = lines.flatMap(({ kept }) => (kept !== undefined && isAsked(kept.record, request) ? kept : []));
  const accepted = new Set<string>();
  try {
    for await (const batch of batchesOf(asked, tools.mapAgain)) await send(tools, batch, accepted);
  } finally {
    if (accepted.size > 0) await refusedEvents.removeFrom(path, ({ key }) => accepted.has(key));
  }
  return { sent: asked.length, refused: asked.length - accepted.size };
}

const isAsked = ({ protocol, refused_at }: RefusedRecord, request: RedriveRequest) =>
  (request.protocol === undefined || protocol === request.protocol) && Date.parse(refused_at) >= request.sinceMs;

/** Events of one sender that go together, in their order. What cannot be mapped is left out. */
async function* batchesOf(asked: readonly KeptEvent[], mapAgain: MapAgain): AsyncGenerator<Resent[]> {
  let batch: Resent[] = [];
  let events = 0;
  let bytes = 0;
  for (const kept of asked) {
    const resent = { kept, events: await eventsOf(kept.record, mapAgain) };
    const more = resent.events.reduce((sum, event) => sum + Buffer.byteLength(event) + 1, 0);
    const isFull = events + resent.events.length > batchEventsMax || bytes + more > bodyBytesMax;
    if (batch.length > 0 && (isFull || batch[0]?.kept.record.subject !== kept.record.subject)) {
      yield batch;
      batch = [];
      events = 0;
      bytes = 0;
    }
    if (resent.events.length === 0) continue;
    batch.push(resent);
    events += resent.events.length;
    bytes += more;
  }
  if (batch.length > 0) yield batch;
}

async function send({ eachSender }: RedriveTools, batch: readonly Resent[], accepted: Set<string>): Promise<void> {
  const senders = batch.flatMap(({ kept, events }) => events.map(() => kept.key));
  const texts = batch.flatMap(({ events }) => events);
  const body = Buffer.from(`{"events":[${texts.join(",")}]}`);
  const { refused } = await eachSender.store(body, batch[0]?.kept.record.subject ?? null);
  const stillRefused = new Set(refused.map(({ index }) => senders[index]));
  for (const { kept } of batch) if (!stillRefused.has(kept.key)) accepted.add(kept.key);
}

/** The events to send for a refused one, each with an id, so that sending it again stores it once. */
async function eventsOf(record: RefusedRecord, mapAgain: MapAgain): Promise<readonly string[]> {
  const events = record.is_mapped ? [record.event] : await mapAgain(record);
  return events.length === 1 ? events.map((event) => withId(event, record.event_id)) : events;
}

/** An event with this id, unless it has one of its own. What is not a JSON object stays as it is. */
function withId(event: string, id: string): string {
  const members = membersOf(event);
  if (members === undefined || (members["event_id"] !== undefined && members["event_id"] !== null)) return event;
  // Last, so that it counts where the event says that it has none.
  const head = event.slice(0, event.lastIndexOf("}"));
  return `${head}${Object.keys(members).length === 0 ? "" : ","}"event_id":"${id}"}`;
}

function membersOf(event: string): Record<string, unknown> | undefined {
  const value = jsonOrUndefined(event);
  return isRecord(value) ? value : undefined;
}
