/** What a shard actor is asked, and what it answers: plain data, cloned between threads. */
import type { MetricObject } from "prom-client";
import type { ShardId } from "../base/brand.ts";
import type { OverloadReason } from "../base/errors.ts";
import type { LogLevel } from "../base/log.ts";
import type { DataFolder } from "../store/names.ts";

/** What a body holds. */
export type BodyForm = "event" | "batch";

/** How a body is packed. */
export type BodyEncoding = "identity" | "gzip" | "zstd";

/** What a shard actor is born with. */
export type ShardOptions = {
  shard: ShardId;
  /** Number of shards that run; leftovers of a shard past it belong to shard `number % shards`. */
  shards: number;
  folder: DataFolder;
  ack: "durable" | "buffered";
  flushIntervalMs: number;
  bufferEventsMax: number;
  bodyBytesMax: number;
  logLevel: LogLevel;
  idTable: SharedArrayBuffer;
  /** One for each shard, in their order. */
  boards: SharedArrayBuffer[];
};

/**
 * Requests that arrived together: their bodies end to end in one buffer, and for each one its size, its kind and who
 * sent it. One message for many requests: a hop between threads costs 5 us, whatever it carries.
 */
export type Bundle = {
  bodies: Uint8Array;
  /** Bytes of each body. */
  sizes: number[];
  forms: BodyForm[];
  encodings: BodyEncoding[];
  /** The token's `sub` of each; null where it has none. */
  subjects: (string | null)[];
};

/** The answer to one request of a bundle; `body` is JSON. */
export type AppendAnswer =
  | { kind: "accepted"; body: string }
  | { kind: "invalid"; body: string }
  | { kind: "too_large" }
  | { kind: "not_inflated" }
  | { kind: "overloaded"; reason: OverloadReason };

/** Everything that a shard actor is asked. */
export type ShardRequest =
  | { kind: "recover" }
  | { kind: "append"; bundle: Bundle }
  | { kind: "seal" }
  | { kind: "metrics" }
  | { kind: "stop" };

/** The answer to each kind of request. */
export type ShardReplies = {
  /** Ready for appends; what recovery did is in the log and on the board. */
  recover: undefined;
  append: AppendAnswer[];
  /** Everything durable at the call is sealed. */
  seal: undefined;
  metrics: MetricObject[];
  /** Everything is sealed, as far as the disk allows, and the files are closed. */
  stop: undefined;
};

/** What a shard actor tells unasked. */
export type ShardNotice = { kind: "sealed"; shard: ShardId };
