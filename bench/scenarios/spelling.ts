/** Full batches as the encoders of other languages spell them, each beside JavaScript's. */
import { measureService, type ServiceRun } from "../closed-loop/measure.ts";
import { barsOf, type FigureRow, figuresOf, goal } from "../core/figures.ts";
import { inTurn } from "../core/method.ts";
import { type Findings, type ScenarioRun, scenario } from "../core/scenario.ts";
import { batches, writeBodies } from "../load/requests.ts";
import { type Spelling, spellings } from "../load/spelling.ts";

/** Of JavaScript's events a second in the same round. */
const shareMin = 0.9;

/** What a small machine has to spare. MB, of a million bytes. */
const memoryMBMax = 600;

const load = batches(64);
const others = spellings.filter((each) => each !== "javascript");
const shareName = (each: Spelling) => `${each}, share of javascript`;
const memoryName = (each: Spelling) => `${each}, memory peak`;

/** One service for each spelling in each round. */
export const spelling = scenario({
  name: "spelling",
  summary: "full batches as Python, PHP, Go, Jackson, Ruby and .NET spell them, beside JavaScript's",
  // Three flush intervals.
  seconds: { own: 6, quick: 2 },
  measure,
});

/** What one spelling showed in each round. */
type Found = ReadonlyMap<Spelling, ServiceRun>;

async function measure(run: ScenarioRun): Promise<Findings> {
  const audits: string[] = [];
  const rounds = await run.eachRound(async (round): Promise<Found> => {
    const found = new Map<Spelling, ServiceRun>();
    for (const each of inTurn(spellings, round)) {
      run.progress(`${run.name}: ${each}`);
      const requests = { ...load, spelling: each };
      const target = { bodiesPath: await writeBodies(requests, run), seconds: run.seconds };
      const service = await measureService(run, requests, target);
      audits.push(`${each}: ${service.audit}`);
      found.set(each, service);
    }
    return found;
  });
  const common = { eventsPerRequest: load.eventsPerRequest, waitsFor: "fsync" } as const;
  const shares = figuresOf(common, rounds, others.map(shareRow));
  return {
    about: `The same events in batches of ${load.eventsPerRequest} over ${load.connections} connections, spelled by rules that write what the real encoders write, byte for byte. ${run.rounds} rounds, in each the spellings in turn, each with a service of its own, ${run.seconds} s after ${run.warmUpSeconds} s of warm-up. Memory: all processes of the service, what they share counted once (PSS).`,
    figures: [...shares, ...figuresOf(common, rounds, spellings.flatMap(rowsOf))],
    goals: [
      ...others.map((each) => goal(shareName(each), { atLeast: shareMin })),
      ...spellings.map((each) => goal(memoryName(each), { atMost: memoryMBMax })),
    ],
    plots: [barsOf({ title: "Events a second, of JavaScript's", unit: "share" }, shares, ({ name }) => name)],
    audits,
  };
}

function runOf(found: Found, each: Spelling): ServiceRun {
  const run = found.get(each);
  if (run === undefined) throw new Error(`a round measures every spelling, also ${each}`);
  return run;
}

const eventsPerSecond = ({ load: { requestsPerSecond } }: ServiceRun) => requestsPerSecond * load.eventsPerRequest;
const cpuUs = (run: ServiceRun) => (run.course.cpuSeconds * 1e6) / (eventsPerSecond(run) * run.load.seconds);

function shareRow(each: Spelling): FigureRow<Found> {
  const share = (found: Found) => eventsPerSecond(runOf(found, each)) / eventsPerSecond(runOf(found, "javascript"));
  return [shareName(each), "share", "higher", share];
}

function rowsOf(each: Spelling): FigureRow<Found>[] {
  return [
    [each, "events/s", "higher", (found) => eventsPerSecond(runOf(found, each))],
    [`${each}, processor time of an event`, "us", "lower", (found) => cpuUs(runOf(found, each))],
    [memoryName(each), "MB", "lower", (found) => runOf(found, each).course.memoryPeakMB],
  ];
}
