/** Whether `GET /stats` gets slower with what is stored. */
import { countText, type FigureRow, figuresOf, goal } from "../core/figures.ts";
import { percentile } from "../core/percentile.ts";
import type { Plot } from "../core/result.ts";
import { type Findings, scenario } from "../core/scenario.ts";
import { makeStored } from "../storage/stored.ts";
import { AuditFailed } from "../system/audit.ts";
import { Service } from "../system/service.ts";
import { timeStats } from "../system/stats-latency.ts";

/** Of each service in a round; ten of them lie above the 99th percentile in a quick look, and thirty otherwise. */
const requests = { own: 3_000, quick: 1_000 };

/** The counts are held in memory: what is stored may cost no more than the noise. ms */
const aboveEmptyMsMax = 2;

/** The same answer from services with nothing and with much stored. */
export const statsSize = scenario({
  name: "stats-size",
  summary: "latency of GET /stats, by events stored",
  events: { own: [1_000_000, 10_000_000], quick: 100_000 },
  measure: async (run) => {
    const stored = [0, ...run.sizes];
    await using ending = new AsyncDisposableStack();
    const services: Service[] = [];
    for (const events of stored) {
      const { dataDir } = ending.use(await makeStored(run, { events, isCompacted: true }));
      services.push(ending.use(await Service.start({ ...run, dataDir })));
    }
    const asked = { requests: run.isQuick ? requests.quick : requests.own };
    const found = await run.eachRound(() => timeStats(services, asked));
    for (const [place, service] of services.entries()) {
      const { totalEvents } = await service.stats();
      if (totalEvents !== stored[place])
        throw new AuditFailed([`stats counted ${totalEvents} of ${stored[place]} stored events`]);
      await service.stop();
    }
    return {
      about: `GET /stats, one request at a time on a connection that is kept, asked of all services in turn; ${run.rounds} rounds.`,
      ...tell(stored, found),
      audits: [`stats counted what is stored: ${stored.map(countText).join(", ")} events`],
    };
  },
});

/** `found`: by round, then by size, rising milliseconds. */
function tell(stored: readonly number[], found: readonly number[][][]): Pick<Findings, "figures" | "goals" | "plots"> {
  const at = (place: number, percent: number) => (round: readonly number[][]) =>
    percentile(round[place] ?? [], percent);
  const last = stored.length - 1;
  const aboveName = `p99, ${countText(stored[last] ?? 0)} stored, above that with none`;
  return {
    figures: figuresOf({ waitsFor: "memory" }, found, [
      ...stored.flatMap((events, place): FigureRow<number[][]>[] => [
        [`p50, ${countText(events)} stored`, "ms", "lower", at(place, 50)],
        [`p99, ${countText(events)} stored`, "ms", "lower", at(place, 99)],
      ]),
      [aboveName, "ms", "lower", (round) => at(last, 99)(round) - at(0, 99)(round)],
    ]),
    goals: [goal(aboveName, { atMost: aboveEmptyMsMax })],
    plots: [percentiles(stored, found)],
  };
}

/** Closer together towards the end, as the scale of the picture is. Shares. */
const sharesDrawn = [0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999];

function percentiles(stored: readonly number[], found: readonly number[][][]): Plot {
  const lines = stored.map((events, place) => {
    const all = found.flatMap((round) => round[place] ?? []).sort((a, b) => a - b);
    const points = sharesDrawn.map((share): [number, number] => [share * 100, percentile(all, share * 100)]);
    return { name: `${countText(events)} stored`, points };
  });
  return { kind: "percentiles", title: "GET /stats by events stored", lines };
}
