/** Splits the events of a body into messages for shards. */
import { batchEventsMax } from "../event/limits.ts";
import type { RefusedEvent } from "../event/protocols.ts";
import type { Mapped } from "./mapped.ts";
import type { Batch } from "./protocol.ts";

/** A larger message keeps other requests waiting; a larger event goes alone. Bytes. */
const batchBytesMax = 512 * 1024;

const [head, tail] = ['{"events":[', "]}"];

/**
 * Messages with all events, in their order, made one after another. Those that could not be mapped come last: a request
 * that fails before and is sent again keeps them once.
 */
export function* batchesOf({ events, unmapped }: Mapped): Generator<Batch, undefined> {
  for (const texts of partsOf(events, (text) => text))
    yield { body: Buffer.from(`${head}${texts.join(",")}${tail}`), refused: [] };
  for (const refused of partsOf(unmapped, ({ event }: RefusedEvent) => event))
    yield { body: new Uint8Array(), refused };
  return undefined;
}

/** Parts of a list that are small enough for a message. */
function* partsOf<Item>(items: readonly Item[], textOf: (item: Item) => string): Generator<Item[]> {
  let part: Item[] = [];
  let bytes = 0;
  for (const item of items) {
    const itemBytes = Buffer.byteLength(textOf(item));
    if (part.length === batchEventsMax || (bytes > 0 && bytes + itemBytes > batchBytesMax)) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(item);
    bytes += itemBytes;
  }
  if (part.length > 0) yield part;
}
