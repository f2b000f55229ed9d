/** The keeper's requests and replies: plain data, cloned between processes. */
import type { Recovery } from "../actor/serve.ts";
import type { Sequence, ShardId } from "../base/brand.ts";
import type { LogLevel } from "../base/log.ts";
import type { ShardWatermark } from "../store/catalog/views.ts";
import type { DataFolder, MissingRange } from "../store/folder/names.ts";
import type { RebuiltIds } from "../store/ids/rebuild.ts";
import type { Quarantined } from "../store/segment/quarantine.ts";
import type { Rewrite, Rewritten } from "../store/segment/rewrite.ts";
import type { HourWindow, SealedCounts } from "../store/segment/rollup.ts";
import type { SealedRows, SegmentSource } from "../store/segment/segment.ts";

/** What the keeper is started with. */
export type KeeperOptions = {
  folder: DataFolder;
  logLevel: LogLevel;
  /** Threads of each of its DuckDBs, and memory in MiB. */
  threads: number;
  memoryMiB: number;
  /** Longer lines need more memory while they are sealed: `memoryForLargeEventsMiB`. Bytes. */
  lineBytesMax: number;
  memoryForLargeEventsMiB: number;
};

/** What is sealed of a shard: its watermark, events, segments, bytes on disk. */
export type ShardHoldings = ShardWatermark & { events: number; segments: number; bytes: number };

/** Events of a shard before this sequence. */
export type ShardStretch = { shard: ShardId; before: Sequence };

/**
 * Which rewrite to plan:
 * - "merge": of small segments, if there are many
 * - "full merge": towards as few segments as possible in these stretches
 * - "drop": of events older than the cutoff
 * - "keep": of these files, keeping only the events for which the SQL condition holds
 */
export type RewriteWish =
  | { kind: "merge" }
  | { kind: "full merge"; stretches: ShardStretch[] }
  | { kind: "drop"; cutoffMs: number }
  | { kind: "keep"; keep: string; files: string[] };

/** What an inspection of the folder found. */
export type FolderInspection = {
  /** What a person should know: a sentence each, which says what to do and does not contain the folder's path. */
  warnings: string[];
  /** Stretches of events that are missing. */
  missing: string[];
  /** Names of current segments that cannot be read. */
  unreadable: string[];
};

/** Every request to the keeper. */
export type KeeperRequest =
  | { kind: "recover" }
  | { kind: "publish"; watermarks: ShardWatermark[]; nowMs: number }
  | { kind: "settle" }
  | { kind: "rebuild ids"; idsMax: number }
  | { kind: "seal"; source: SegmentSource }
  | { kind: "check"; path: string }
  | { kind: "note lost"; range: MissingRange }
  | { kind: "count"; stretches: ShardStretch[]; window: HourWindow }
  | { kind: "plan"; wish: RewriteWish }
  | { kind: "adopt"; rewritten: Rewritten }
  | { kind: "sweep"; graceMs: number }
  | { kind: "inspect" }
  | { kind: "quarantine"; segment: string };

/** The answer to each kind of request. */
export type KeeperReplies = {
  recover: Recovery;
  /** The catalog names every segment that was sealed before the call. */
  publish: { version: number; holdings: ShardHoldings[] };
  /** Everything asked before is done or has failed. */
  settle: undefined;
  /** The id logs hold the latest ids of all readable segments. Asked before shards start. */
  "rebuild ids": RebuiltIds;
  /** The segment of these rows is durable. */
  seal: SealedRows;
  /** Number of events of the segment, which opens and whose rollup agrees. */
  check: number;
  /** A durable note says that these sequences were used, so that they are reported as missing. */
  "note lost": undefined;
  /** The sums of the rollups of all segments within these stretches. */
  count: SealedCounts;
  /** The next rewrite that is due; undefined if none is. */
  plan: Rewrite | undefined;
  /** The segment has its name: its sources are replaced. */
  adopt: undefined;
  /** Names of replaced segments that were removed. */
  sweep: string[];
  inspect: FolderInspection;
  quarantine: Quarantined;
};

/** What the keeper reports unasked: it got a signal that is meant to stop the service. */
export type KeeperNotice = { kind: "signalled"; signal: "SIGINT" | "SIGTERM" };

/** The requests that a shard may make to the keeper, sent through the shard's own channel. */
export type KeeperQuestion = Extract<KeeperRequest, { kind: "settle" | "seal" | "check" | "note lost" | "count" }>;

/** The keeper, as a shard sees it: one function for each of those requests. */
export type KeeperForShards = {
  settle(): Promise<undefined>;
  seal(source: SegmentSource): Promise<SealedRows>;
  check(path: string): Promise<number>;
  noteLost(range: MissingRange): Promise<undefined>;
  count(stretches: ShardStretch[], window: HourWindow): Promise<SealedCounts>;
};
