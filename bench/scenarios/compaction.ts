/** What `millrace compact` does to a folder of many small segments, and how fast. */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Figure, ScenarioResult } from "../core/result.ts";
import { type Bench, extentOf, type Scenario } from "../core/scenario.ts";
import { auditFolder } from "../storage/ledger.ts";
import { makeStored, type Stored } from "../storage/stored.ts";
import { copySynced, filesIn } from "../system/folder.ts";
import { type CommandCost, compactFolder } from "../system/service.ts";

const events = { own: 10_000_000, quick: 500_000 };

/** What a flush seals when journals are as large as they get: 24 MiB of them. */
const eventsPerSegment = 50_000;

/** What is aimed at, once a shard has some millions: small segments take more for each event. */
const bytesPerEvent = { max: 40, fromEvents: 10_000_000 };

/** Segments merged by the command, on a folder that nobody serves. */
export const compaction: Scenario = {
  name: "compaction",
  summary: "millrace compact on many small segments: events a second, bytes an event",
  run,
};

/** A folder's segments at one time. */
interface Segments {
  readonly files: number;
  readonly bytes: number;
}

/** One run of the command, and one after it that finds nothing to do. */
interface Compacted {
  readonly cost: CommandCost;
  readonly idleSeconds: number;
  readonly before: Segments;
  readonly after: Segments;
  readonly audit: string;
}

async function run(bench: Bench): Promise<ScenarioResult> {
  const { rounds } = extentOf(bench, { rounds: 3, seconds: 0, secondsQuick: 0 });
  const wished = bench.events ?? (bench.isQuick ? events.quick : events.own);
  await using stored = await makeStored(bench, { events: wished, eventsPerSegment, isCompacted: false });
  const found: Compacted[] = [];
  for (let round = 0; round < rounds; round += 1) {
    bench.progress(`compaction: round ${round + 1} of ${rounds}`);
    found.push(await compactCopy(bench, stored));
  }
  return {
    scenario: compaction.name,
    about: `${wished.toLocaleString("en-US")} events in segments of ${eventsPerSegment.toLocaleString("en-US")}, as flushes leave them, on a copy in each of ${rounds} rounds. The time is the whole command's, its start and end too. Memory: the most that one of its processes had.`,
    figures: figuresOf(found, wished),
    goals:
      wished < bytesPerEvent.fromEvents
        ? []
        : [{ side: "millrace", name: "segments after", bound: { atMost: bytesPerEvent.max } }],
    plots: [],
    warnings: [],
    audits: found.map(({ audit }) => audit),
    skipped: [],
  };
}

async function compactCopy(bench: Bench, stored: Stored): Promise<Compacted> {
  const dataDir = await mkdtemp(join(bench.folder, "compaction-"));
  try {
    await copySynced(stored.dataDir, dataDir);
    const before = segmentsIn(dataDir);
    const cost = await compactFolder(dataDir, bench.signal);
    const { seconds: idleSeconds } = await compactFolder(dataDir, bench.signal);
    const after = segmentsIn(dataDir);
    const { events: all } = stored;
    const audit = await auditFolder(dataDir, { acknowledged: all, unansweredMax: 0, counted: all });
    return { cost, idleSeconds, before, after, audit };
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

function segmentsIn(dataDir: string): Segments {
  const { files, bytes } = filesIn(join(dataDir, "segments"));
  return { files: files.length, bytes };
}

function figuresOf(found: readonly Compacted[], all: number): Figure[] {
  const figure = (
    name: string,
    { unit, better }: Pick<Figure, "unit" | "better">,
    pick: (compacted: Compacted) => number,
  ): Figure => ({
    side: "millrace",
    name,
    unit,
    better,
    samples: found.map(pick),
    eventsPerRequest: undefined,
    waitsFor: undefined,
  });
  return [
    figure("compacted", { unit: "events/s", better: "higher" }, ({ cost }) => all / cost.seconds),
    figure("whole command", { unit: "s", better: "lower" }, ({ cost }) => cost.seconds),
    figure("command with nothing to do", { unit: "s", better: "lower" }, ({ idleSeconds }) => idleSeconds),
    figure("memory peak", { unit: "MB", better: "lower" }, ({ cost }) => cost.memoryPeakMB),
    figure("segments before", { unit: "bytes/event", better: "neither" }, ({ before }) => before.bytes / all),
    figure("segments after", { unit: "bytes/event", better: "lower" }, ({ after }) => after.bytes / all),
    figure("files before", { unit: "count", better: "neither" }, ({ before }) => before.files),
    figure("files after", { unit: "count", better: "lower" }, ({ after }) => after.files),
  ];
}
