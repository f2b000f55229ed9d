/** What the keeper is asked, and what it answers: plain data, cloned between processes. */
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

/** What the keeper is born with. */
export type KeeperOptions = {
  folder: DataFolder;
  logLevel: LogLevel;
  /** Threads of each of its DuckDBs, and memory in MiB. */
  threads: number;
  memoryMiB: number;
};

/** What is sealed of a shard: up to where it is whole, events, segments, bytes on disk. */
export type ShardHoldings = ShardWatermark & { events: number; segments: number; bytes: number };

/** Events of a shard before this sequence. */
export type ShardStretch = { shard: ShardId; before: Sequence };

/**
 * Why a rewrite is looked for: because many small segments are there, to have as few as possible of these stretches,
 * because of age, or to keep of some segments only the events for which an SQL condition holds.
 */
export type RewriteWish =
  | { kind: "merge" }
  | { kind: "full merge"; stretches: ShardStretch[] }
  | { kind: "drop"; cutoffMs: number }
  | { kind: "keep"; keep: string; files: string[] };

/** What a look at the folder found. */
export type FolderInspection = {
  /** What a person should know: a sentence each, which says what to do and names no place. */
  warnings: string[];
  /** Stretches of events that are missing. */
  missing: string[];
  /** Names of current segments that cannot be read. */
  unreadable: string[];
};

/** Everything that the keeper is asked. */
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
  /** The id logs hold the latest ids of all readable segments. Before shards start. */
  "rebuild ids": RebuiltIds;
  /** A segment of these rows is durable. */
  seal: SealedRows;
  /** Events of a segment that opens and adds up. */
  check: number;
  /** It is noted durably that these sequences were used, so that they are told as missing. */
  "note lost": undefined;
  /** What the rollups of all segments within these stretches add up to. */
  count: SealedCounts;
  /** What is to be rewritten next; undefined when nothing is. */
  plan: Rewrite | undefined;
  /** The segment has its name: its sources are replaced. */
  adopt: undefined;
  /** Names of replaced segments that were removed. */
  sweep: string[];
  inspect: FolderInspection;
  quarantine: Quarantined;
};

/** What the keeper tells unasked: somebody wants the service to stop, and told this process. */
export type KeeperNotice = { kind: "signalled"; signal: "SIGINT" | "SIGTERM" };

/** What a shard may ask of the keeper; it goes over the shard's door. */
export type KeeperQuestion = Extract<KeeperRequest, { kind: "settle" | "seal" | "check" | "note lost" | "count" }>;

/** The keeper, as a shard sees it: one function for each of those. */
export type KeeperForShards = {
  settle(): Promise<undefined>;
  seal(source: SegmentSource): Promise<SealedRows>;
  check(path: string): Promise<number>;
  noteLost(range: MissingRange): Promise<undefined>;
  count(stretches: ShardStretch[], window: HourWindow): Promise<SealedCounts>;
};
