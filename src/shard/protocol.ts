/** What a shard actor is asked, and what it answers: plain data, cloned between threads. */
import type { Recovery } from "../actor/serve.ts";
import type { ShardId } from "../base/brand.ts";
import type { DescriptorBudget } from "../base/descriptors.ts";
import type { OverloadReason } from "../base/errors.ts";
import type { LogLevel } from "../base/log.ts";
import type { HistogramCounts } from "../base/metrics.ts";
import type { WrittenRow } from "../event/line/written-row.ts";
import type { RefusedAlone } from "../event/protocols.ts";
import type { KeeperQuestion, KeeperReplies } from "../keeper/protocol.ts";
import type { Misfits, SchemaSource } from "../schema/set.ts";
import type { ShardWatermark } from "../store/catalog/views.ts";
import type { DataFolder } from "../store/folder/names.ts";
import type { ImportStep } from "./ids/imported-ids.ts";

/** How a body is compressed. */
export type BodyEncoding = "identity" | "gzip" | "zstd";

/** What a shard actor is born with. */
export type ShardOptions = {
  shard: ShardId;
  /** Number of shards that run; a retired shard belongs to shard `number % shards`. */
  shards: number;
  folder: DataFolder;
  ack: "durable" | "buffered";
  flushIntervalMs: number;
  bufferEventsMax: number;
  bodyBytesMax: number;
  logLevel: LogLevel;
  /** Descriptors that this process reserves for the disk. */
  descriptors: DescriptorBudget | undefined;
  /** What properties must fit; undefined: anything. The main thread replaces it: a successor gets the latest. */
  schemas: { source: SchemaSource | undefined };
  idTable: SharedArrayBuffer;
  /** One for each shard, in their order. */
  boards: SharedArrayBuffer[];
};

/** One request, as it leaves the HTTP edge. */
export type AppendRequest = {
  body: Uint8Array;
  /** The name of the body's form (`event/forms.ts`). */
  form: string;
  encoding: BodyEncoding;
  /** The token's `sub`, whole Unicode; null where it has none. */
  subject: string | null;
};

/**
 * Up to this size, a body that the transcriber does not take is parsed in the shard's thread. A larger one would hold
 * the other requests, so it is left to the parser's thread. Bytes.
 */
export const unusualBytesMax = 16 * 1024;

/** Compressed batches become about this many times larger when inflated. */
const inflationLikely = 8;

/** The approximate size of a request's body after inflation. Bytes. */
export const inflatedBytesLikely = ({ body, encoding }: AppendRequest): number =>
  encoding === "identity" ? body.byteLength : body.byteLength * inflationLikely;

/** A body of this size may be parsed for long: it shares no message, so that no other answer waits for it. Bytes. */
const aloneBytesMin = 64 * 1024;

/** Whether a request goes in a message of its own. */
export const goesAlone = (request: AppendRequest): boolean => inflatedBytesLikely(request) >= aloneBytesMin;

/** The answer to one request; `body` is JSON. */
export type AppendAnswer =
  | { kind: "accepted"; body: string }
  | { kind: "invalid"; body: string }
  | { kind: "too_large" }
  | { kind: "not_inflated" }
  | { kind: "overloaded"; reason: OverloadReason };

/** A body that a shard leaves to the parser's thread, inflated. `body` has memory of its own, which moves there. */
export type LeftBody = { body: Uint8Array<ArrayBuffer>; form: string; subject: string | null; receivedAtMs: number };

/** What such a body has become: lines with their rows, or the answer that needs no journal. */
export type ParsedBody = { misfits: Misfits[] } & (
  | { kind: "rows"; rows: readonly WrittenRow[]; lines: Uint8Array<ArrayBuffer>; refused: readonly RefusedAlone[] }
  | { kind: "answer"; answer: AppendAnswer }
);

/** Everything that a shard actor is asked. */
export type ShardRequest =
  | { kind: "recover" }
  /**
   * Up to 64 requests of one turn of the event loop, packed: a message between threads costs 5 us, whatever its size.
   */
  | { kind: "append"; requests: Uint8Array }
  | { kind: "metrics" }
  | { kind: "watermarks" }
  | { kind: "seal" }
  | { kind: "recount" }
  /** `path`: a file of ids, one a line. */
  | { kind: "forget"; path: string }
  | { kind: "imported"; step: ImportStep }
  /** From the next request on, properties must fit these. */
  | { kind: "schemas"; source: SchemaSource | undefined }
  /** `giveUpAtMs`: time of the monotonic clock after which a failing flush is left to the next start. */
  | { kind: "stop"; giveUpAtMs: number };

/** The answer to each kind of request. */
export type ShardReplies = {
  /** Ready for appends; what recovery did is in the log and on the board. */
  recover: Recovery;
  /** An answer to each, in their order, packed. */
  append: string;
  metrics: HistogramCounts[];
  /** Of this shard and the retired shards it owns: every event accepted before is sealed. */
  watermarks: ShardWatermark[];
  /** Everything accepted before the call is sealed. */
  seal: undefined;
  /** The board agrees with the segments as they are now. */
  recount: undefined;
  /** The id logs no longer hold these ids. */
  forget: undefined;
  /** Whether a live event came with an id of the import's piece since the watch began, or that is not known. */
  imported: boolean;
  schemas: undefined;
  /** Everything is sealed, as far as the disk allows, and the files are closed. */
  stop: undefined;
};

/**
 * What a shard actor asks or reports over its door; `sealed`: it has a new segment; `parse`: a body that would hold it
 * for too long.
 */
export type ShardQuestion = KeeperQuestion | { kind: "sealed"; shard: ShardId } | ({ kind: "parse" } & LeftBody);

/** The answer to each of them. */
export type ShardAnswers = Pick<KeeperReplies, KeeperQuestion["kind"]> & {
  sealed: undefined;
  /** Undefined: not now. */
  parse: ParsedBody | undefined;
};
