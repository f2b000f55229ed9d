/** The data of a benchmark run: stored as JSON, shown as tables and as a page, compared with an earlier run. */

/** What the measured system's answer waits for. */
export type WaitsFor = "fsync" | "page cache" | "memory" | "nothing kept";

/** One number that was measured, round by round. */
export type Figure = {
  /** Who: `millrace`, or a floor or peer by its name. */
  side: string;
  /** What, within its scenario: `events/s`, `p99`, `memory peak`. */
  name: string;
  unit: "events/s" | "requests/s" | "us" | "ms" | "s" | "MB" | "bytes/event" | "share" | "events" | "count";
  /** Which direction is good; `neither` for figures that only explain others. */
  better: "higher" | "lower" | "neither";
  /** One value a round. The report shows their median; their spread is the noise. */
  samples: number[];
  /** Events in each request; undefined where no requests are sent. */
  eventsPerRequest: number | undefined;
  waitsFor: WaitsFor | undefined;
};

/** What a figure should reach. */
export type Goal = {
  /** Names one figure of the scenario. */
  side: string;
  name: string;
  bound: { atLeast: number } | { atMost: number };
};

/** A named line of points, x then y. */
export type Line = { name: string; points: [number, number][] };

/** A picture of a scenario. */
export type Plot =
  /**
   * Latency by percentile: x is the percentile, 0 to below 100, y in milliseconds; both are drawn on logarithmic
   * scales.
   */
  | { kind: "percentiles"; title: string; lines: Line[] }
  /** Something over the time of a run: x in seconds. */
  | { kind: "over time"; title: string; unit: string; lines: Line[] }
  /** Something against a size: x with a name of its own. */
  | { kind: "against size"; title: string; xName: string; unit: string; lines: Line[] }
  /** One number for each name. */
  | { kind: "bars"; title: string; unit: string; bars: { name: string; value: number; note: string }[] };

/** All that one scenario found. */
export type ScenarioResult = {
  scenario: string;
  /** What was done, in a sentence or two: load, sizes, seconds, rounds. */
  about: string;
  figures: Figure[];
  goals: Goal[];
  plots: Plot[];
  /** Warnings about the figures: a generator at its limit, a neighbour that took the processor. */
  warnings: string[];
  /** What was counted, one line an audit: "1,204,400 events acknowledged, stored, none twice". */
  audits: string[];
  /** Sides that were not available: name and reason. */
  skipped: { side: string; reason: string }[];
};

/** What was measured on what, and how it was asked for. */
export type RunRecord = {
  startedAt: string;
  seconds: number;
  commit: string;
  machine: { processor: string; cores: number; memoryGB: number; kernel: string; fileSystem: string };
  versions: Record<string, string>;
  /** Seed, rounds, seconds: everything that the command line decides. */
  settings: Record<string, string | number | boolean>;
  /** The disk's own time for 4 KiB appended and synced, before the first scenario and after the last. ms */
  fdatasync: { before: { p50Ms: number; p99Ms: number }; after: { p50Ms: number; p99Ms: number } };
  /** Warnings about the whole run: a busy machine, data in memory. */
  warnings: string[];
};

/** A scenario that has no figures. */
export type Failure = {
  scenario: string;
  /** `audit`: acknowledged and stored events did not match. `error`: anything else. */
  kind: "audit" | "error";
  reason: string;
};

/** One run: what `--json` writes and `--compare` reads. */
export type Run = { format: 1; record: RunRecord; results: ScenarioResult[]; failures: Failure[] };
