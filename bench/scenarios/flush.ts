/** How fast journals become segments, and how large the segments are before anything is merged. */
import { rm } from "node:fs/promises";
import type { Figure, ScenarioResult } from "../core/result.ts";
import { type Bench, extentOf, type Scenario } from "../core/scenario.ts";
import { makeBacklog, recoverCopy } from "../storage/backlog.ts";

/** Ten journal files of 24 MiB, five a shard on two cores: fewer than the six from which on the service merges segments. */
const events = { own: 500_000, quick: 200_000 };

/** Journals sealed with nothing else going on. */
export const flush: Scenario = { name: "flush", summary: "events a second that a flush seals", run };

async function run(bench: Bench): Promise<ScenarioResult> {
  const { rounds } = extentOf(bench, { rounds: 3, seconds: 0, secondsQuick: 0 });
  const wished = bench.events ?? (bench.isQuick ? events.quick : events.own);
  bench.progress(`flush: ${wished} events are accepted and not sealed, then SIGKILL`);
  const backlog = await makeBacklog(bench, { events: wished });
  const found = [];
  for (let round = 0; round < rounds; round += 1) {
    bench.progress(`flush: round ${round + 1} of ${rounds}`);
    found.push(await recoverCopy(bench, backlog));
  }
  await rm(backlog.dataDir, { recursive: true, force: true });
  const shared = { side: "millrace", eventsPerRequest: undefined, waitsFor: undefined } as const;
  const figures: Figure[] = [
    {
      ...shared,
      name: "sealed",
      unit: "events/s",
      better: "higher",
      samples: found.map((each) => each.sealedPerSecond).filter(Number.isFinite),
    },
    {
      ...shared,
      name: "segments as sealed",
      unit: "bytes/event",
      better: "lower",
      samples: found.map(({ segmentBytes }) => segmentBytes / backlog.events),
    },
    {
      ...shared,
      name: "segments",
      unit: "count",
      better: "neither",
      samples: found.map(({ segments }) => segments),
    },
  ];
  return {
    scenario: flush.name,
    about: `${backlog.events.toLocaleString("en-US")} events in journal files of up to 24 MiB, sealed by a start after SIGKILL, no client beside it; timed by the names in the folder of segments, from the first to the last. ${rounds} rounds, each on a copy.`,
    figures,
    goals: [],
    plots: [],
    warnings: found.some(({ segments }) => segments < 2)
      ? ["everything came in one segment: its rate is not known; ask for more events"]
      : [],
    audits: found.map(({ audit }) => audit),
    skipped: [],
  };
}
