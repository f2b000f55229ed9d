/** How fast journals become segments, and how large the segments are before anything is merged. */
import { countText, figuresOf } from "../core/figures.ts";
import { scenario } from "../core/scenario.ts";
import { recoverInRounds } from "../storage/backlog.ts";

/** Journals sealed with nothing else going on. */
export const flush = scenario({
  name: "flush",
  summary: "events a second that a flush seals",
  // Ten journal files of 24 MiB, five a shard on two cores: fewer than the six from which on the service merges
  // segments.
  events: { own: 500_000, quick: 200_000 },
  measure: async (run) => {
    const { events, recoveries } = await recoverInRounds(run, { events: run.events });
    const several = recoveries.filter(({ sealedPerSecond }) => Number.isFinite(sealedPerSecond));
    return {
      about: `${countText(events)} events in journal files of up to 24 MiB, sealed by a start after SIGKILL, no client beside it; timed by the names in the folder of segments, from the first to the last. ${run.rounds} rounds, each on a copy.`,
      figures: [
        ...figuresOf({}, several, [["sealed", "events/s", "higher", ({ sealedPerSecond }) => sealedPerSecond]]),
        ...figuresOf({}, recoveries, [
          ["segments as sealed", "bytes/event", "lower", ({ segmentBytes }) => segmentBytes / events],
          ["segments", "count", "neither", ({ segments }) => segments],
        ]),
      ],
      warnings: recoveries.some(({ segments }) => segments < 2)
        ? ["everything came in one segment: its rate is not known; ask for more events"]
        : [],
      audits: recoveries.map(({ audit }) => audit),
    };
  },
});
