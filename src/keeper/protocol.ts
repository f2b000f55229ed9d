/** What the keeper is asked, and what it answers: plain data, cloned between threads. */
import type { Recovery } from "../actor/serve.ts";
import type { LogLevel } from "../base/log.ts";
import type { DataFolder } from "../store/names.ts";
import type { HourWindow, SealedCounts } from "../store/rollup.ts";
import type { SealedRows, SegmentSource } from "../store/segment.ts";

/** What the keeper is born with. */
export type KeeperOptions = {
  folder: DataFolder;
  logLevel: LogLevel;
  /** Threads of its DuckDB, and its memory in MiB. */
  threads: number;
  memoryMiB: number;
};

/** Everything that the keeper is asked. */
export type KeeperRequest =
  | { kind: "recover" }
  | { kind: "publish" }
  | { kind: "settle" }
  | { kind: "seal"; source: SegmentSource }
  | { kind: "check"; path: string }
  | { kind: "count"; paths: string[]; window: HourWindow };

/** The answer to each kind of request. */
export type KeeperReplies = {
  recover: Recovery;
  /** The catalog names every segment that was sealed before the call. */
  publish: { segments: number };
  /** Everything asked before is done or has failed. */
  settle: undefined;
  /** A segment of these rows is durable. */
  seal: SealedRows;
  /** Events of a segment that opens and adds up. */
  check: number;
  /** What the rollups of these segments add up to. */
  count: SealedCounts;
};

/** What a shard may ask the keeper. */
export type KeeperForShards = {
  settle(): Promise<undefined>;
  seal(source: SegmentSource): Promise<SealedRows>;
  check(path: string): Promise<number>;
  count(paths: string[], window: HourWindow): Promise<SealedCounts>;
};
