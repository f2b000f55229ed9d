/** Whether `GET /stats` gets slower with what is stored. */
import { percentile } from "../core/percentile.ts";
import type { Figure, Plot, ScenarioResult } from "../core/result.ts";
import { type Bench, extentOf, type Scenario } from "../core/scenario.ts";
import { makeStored } from "../storage/stored.ts";
import { AuditFailed } from "../system/audit.ts";
import { Service } from "../system/service.ts";
import { timeStats } from "../system/stats-latency.ts";

const sizes = { own: [0, 1_000_000, 10_000_000], quick: [0, 100_000] };

/** Of each service in a round; ten of them lie above the 99th percentile in a quick look, and thirty otherwise. */
const requests = { own: 3_000, quick: 1_000 };

/** The counts are held in memory: what is stored may cost no more than the noise. ms */
const aboveEmptyMsMax = 2;

/** The same answer from services with nothing and with much stored. */
export const statsSize: Scenario = { name: "stats-size", summary: "latency of GET /stats, by events stored", run };

async function run(bench: Bench): Promise<ScenarioResult> {
  const { rounds } = extentOf(bench, { rounds: 3, seconds: 0, secondsQuick: 0 });
  const own = bench.isQuick ? sizes.quick : sizes.own;
  const stored = bench.events === undefined ? own : [0, bench.events];
  await using ending = new AsyncDisposableStack();
  const services: Service[] = [];
  for (const events of stored) {
    const { dataDir } = ending.use(await makeStored(bench, { events, isCompacted: true }));
    services.push(ending.use(await Service.start({ ...bench, dataDir })));
  }
  const found: number[][][] = [];
  for (let round = 0; round < rounds; round += 1) {
    bench.progress(`${statsSize.name}: round ${round + 1} of ${rounds}`);
    found.push(await timeStats(services, { requests: bench.isQuick ? requests.quick : requests.own }));
  }
  for (const [place, service] of services.entries()) {
    const { totalEvents } = await service.stats();
    if (totalEvents !== stored[place])
      throw new AuditFailed([`stats counted ${totalEvents} of ${stored[place]} stored events`]);
    await service.stop();
  }
  return {
    scenario: statsSize.name,
    about: `GET /stats, one request at a time on a connection that is kept, asked of all services in turn; ${rounds} rounds.`,
    ...tell(stored, found),
    warnings: [],
    audits: [`stats counted what is stored: ${stored.map(countText).join(", ")} events`],
    skipped: [],
  };
}

const countText = (events: number) => events.toLocaleString("en-US");

/** `found`: by round, then by size, rising milliseconds. */
function tell(
  stored: readonly number[],
  found: readonly number[][][],
): Pick<ScenarioResult, "figures" | "goals" | "plots"> {
  const shared = { side: "millrace", unit: "ms", better: "lower", eventsPerRequest: undefined } as const;
  const of = (place: number, share: number) => found.map((round) => percentile(round[place] ?? [], share * 100));
  const figures = stored.flatMap((events, place): Figure[] => [
    { ...shared, name: `p50, ${countText(events)} stored`, samples: of(place, 0.5), waitsFor: "memory" },
    { ...shared, name: `p99, ${countText(events)} stored`, samples: of(place, 0.99), waitsFor: "memory" },
  ]);
  const empty = of(0, 0.99);
  const above = of(stored.length - 1, 0.99).map((ms, round) => ms - (empty[round] ?? Number.NaN));
  const aboveName = `p99, ${countText(stored.at(-1) ?? 0)} stored, above that with none`;
  figures.push({ ...shared, name: aboveName, samples: above, waitsFor: "memory" });
  return {
    figures,
    goals: [{ side: "millrace", name: aboveName, bound: { atMost: aboveEmptyMsMax } }],
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
