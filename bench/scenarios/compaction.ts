/** What `millrace compact` does to a folder of many small segments, and how fast. */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { countText, figuresOf, goal } from "../core/figures.ts";
import { type Bench, scenario } from "../core/scenario.ts";
import { makeStored, type Stored } from "../storage/stored.ts";
import { copySynced, filesIn } from "../system/folder.ts";
import { compactFolder } from "../system/service.ts";
import { auditFolder } from "../trial/ledger.ts";

/** What a flush seals when journals are as large as they get: 24 MiB of them. */
const eventsPerSegment = 50_000;

/** What is aimed at, once a shard has some millions: small segments take more for each event. */
const bytesPerEvent = { max: 40, fromEvents: 10_000_000 };

/** Segments merged by the command, on a folder that nobody serves. */
export const compaction = scenario({
  name: "compaction",
  summary: "millrace compact on many small segments: events a second, bytes an event",
  events: { own: 10_000_000, quick: 500_000 },
  measure: async (run) => {
    const { events, rounds } = run;
    await using stored = await makeStored(run, { events, eventsPerSegment, isCompacted: false });
    const found = await run.eachRound(() => compactCopy(run, stored));
    return {
      about: `${countText(events)} events in segments of ${countText(eventsPerSegment)}, as flushes leave them, on a copy in each of ${rounds} rounds. The time is the whole command's, its start and end too. Memory: the most that one of its processes had.`,
      figures: figuresOf({}, found, [
        ["compacted", "events/s", "higher", ({ cost }) => events / cost.seconds],
        ["whole command", "s", "lower", ({ cost }) => cost.seconds],
        ["command with nothing to do", "s", "lower", ({ idle }) => idle.seconds],
        ["memory peak", "MB", "lower", ({ cost }) => cost.memoryPeakMB],
        ["segments before", "bytes/event", "neither", ({ before }) => before.bytes / events],
        ["segments after", "bytes/event", "lower", ({ after }) => after.bytes / events],
        ["files before", "count", "neither", ({ before }) => before.files.length],
        ["files after", "count", "lower", ({ after }) => after.files.length],
      ]),
      goals: events < bytesPerEvent.fromEvents ? [] : [goal("segments after", { atMost: bytesPerEvent.max })],
      audits: found.map(({ audit }) => audit),
    };
  },
});

/** Runs the command once, and once more when it finds nothing to do. */
async function compactCopy(bench: Bench, { dataDir: from, events }: Stored) {
  const dataDir = await mkdtemp(join(bench.folder, "compaction-"));
  const segments = join(dataDir, "segments");
  try {
    await copySynced(from, dataDir);
    const before = filesIn(segments);
    const cost = await compactFolder(dataDir, bench.signal);
    const idle = await compactFolder(dataDir, bench.signal);
    const after = filesIn(segments);
    const audit = await auditFolder(dataDir, { acknowledged: events, unansweredMax: 0, counted: events });
    return { cost, idle, before, after, audit };
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}
