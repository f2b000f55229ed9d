/** The named steps at which a process is killed: each is a system call by one of the processes on a given file. */
import type { diskCalls } from "../support/faults.ts";
import type { UpkeepJob } from "./upkeep.ts";

/** A step of the service under load, or of a job beside it. */
export interface ServiceStep {
  readonly what: string;
  /** Beside the load. */
  readonly job: UpkeepJob;
  readonly calls: keyof typeof diskCalls;
  /**
   * Below the data folder; `open journal` is the file that takes appends as the load runs. Without: calls on anything.
   */
  readonly path?: string;
  /** One of each thread's first calls from then on is chosen, up to this number. */
  readonly nthMax: number;
  /** Default: a fifth of a second. */
  readonly flushSeconds?: number;
}

/** A step of a command of its own, on a folder that nobody else uses. */
export interface CommandStep {
  readonly what: string;
  readonly command: "snapshot" | "restore";
  readonly calls: keyof typeof diskCalls;
  readonly nthMax: number;
}

/** A step of the service as expired events go. */
export interface RetentionStep {
  readonly what: string;
  readonly command: "retention";
  readonly calls: keyof typeof diskCalls;
  readonly nthMax: number;
}

const journal = { job: "nothing", path: "open journal" } as const;
const load = { job: "nothing" } as const;

/** Journal, flush, catalog, compaction, erasure, import. */
export const serviceSteps: readonly ServiceStep[] = [
  { what: "journal: append", ...journal, calls: "writeAt", nthMax: 20, flushSeconds: 5 },
  { what: "journal: sync", ...journal, calls: "dataSync", nthMax: 20, flushSeconds: 5 },
  { what: "journal: a new file gets its name", ...load, path: "journal", calls: "folderSync", nthMax: 2 },
  { what: "journal: rotate", ...journal, calls: "cut", nthMax: 1, flushSeconds: 1 },
  { what: "journal: a sealed file goes", ...journal, calls: "remove", nthMax: 1, flushSeconds: 1 },
  { what: "flush: ids are written", ...load, path: "ids/0000-00000001.ids", calls: "write", nthMax: 2 },
  { what: "flush: ids are durable", ...load, path: "ids/0000-00000001.ids", calls: "dataSync", nthMax: 2 },
  { what: "flush: segment or catalog gets its name", ...load, calls: "rename", nthMax: 4 },
  { what: "flush: the segment's name is durable", ...load, path: "segments", calls: "folderSync", nthMax: 3 },
  { what: "catalog: gets its name", ...load, path: "millrace.duckdb.tmp", calls: "rename", nthMax: 3 },
  { what: "catalog: how far shards are sealed", ...load, path: "sealed.json.tmp", calls: "rename", nthMax: 2 },
  { what: "compaction: a name of the merge", job: "compact", calls: "rename", nthMax: 4 },
  { what: "compaction: the name is durable", job: "compact", path: "segments", calls: "folderSync", nthMax: 3 },
  { what: "compaction: replaced files go", job: "compact", calls: "remove", nthMax: 8 },
  { what: "erasure: it is written down", job: "erase", path: "erasure.json.tmp", calls: "rename", nthMax: 2 },
  { what: "erasure: what is left gets its name", job: "erase", calls: "rename", nthMax: 6 },
  { what: "erasure: ids without its own", job: "erase", path: "ids/0000-00000001.ids.tmp", calls: "rename", nthMax: 1 },
  { what: "erasure: its receipt is durable", job: "erase", path: "erasures.ndjson", calls: "dataSync", nthMax: 1 },
  { what: "erasure: it ends", job: "erase", path: "erasure.json", calls: "remove", nthMax: 1 },
  { what: "import: a piece gets its name", job: "import", calls: "rename", nthMax: 6 },
  { what: "import: the name of its ids is durable", job: "import", path: "ids", calls: "folderSync", nthMax: 2 },
  { what: "import: a piece goes", job: "import", calls: "remove", nthMax: 8 },
];

/** Snapshot and restore. */
export const commandSteps: readonly CommandStep[] = [
  { what: "snapshot: a segment is linked", command: "snapshot", calls: "link", nthMax: 3 },
  { what: "snapshot: a name is given", command: "snapshot", calls: "rename", nthMax: 4 },
  { what: "snapshot: a folder is durable", command: "snapshot", calls: "folderSync", nthMax: 8 },
  { what: "restore: a segment is linked", command: "restore", calls: "link", nthMax: 3 },
  { what: "restore: a name is given", command: "restore", calls: "rename", nthMax: 6 },
  { what: "restore: a folder is durable", command: "restore", calls: "folderSync", nthMax: 8 },
];

/** Retention: calls of the keeper and the service as expired events go. */
export const retentionSteps: readonly RetentionStep[] = [
  { what: "retention: what is left gets its name", command: "retention", calls: "rename", nthMax: 4 },
  { what: "retention: a name is durable", command: "retention", calls: "folderSync", nthMax: 8 },
  { what: "retention: expired files go", command: "retention", calls: "remove", nthMax: 8 },
];
