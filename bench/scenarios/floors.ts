/** The service beside what bounds it: parsing alone, the disk alone, DuckDB's reading alone. Sides in turn. */
import { goal } from "../core/figures.ts";
import { type Bench, scenario } from "../core/scenario.ts";
import { appendFdatasync, readJson, type Work, type WorkOptions } from "../floors/work.ts";
import { barsOf, figuresOf, remarksOf, shareName } from "../peers/side-figures.ts";
import { compareSides, connections, jsonServerSide, millraceSide, requestsOf, type Side } from "../peers/sides.ts";

/** As many as there are requests in flight: the most that a group commit could bring together. Bodies. */
const groupBodies = connections;

/** The least share of the events that Bun can parse and answer; the rest is what keeping them may take. */
const jsonShareMin = 0.22;

/** The service beside the least that its parts cost. */
export const floorsScenario = scenario({
  name: "floors",
  summary: "beside a server that only parses JSON, a file that is only synced, and DuckDB that only reads",
  // Long enough for five flushes of the service.
  seconds: { own: 10, quick: 2 },
  measure: async (run) => {
    const { rounds, seconds } = run;
    const { sides } = await compareSides(run, { sides: sidesOf(run), load: "batch" });
    return {
      about:
        `Events in batches of 100, the same bodies for all, in turn, ${rounds} rounds of ${seconds} s. millrace and json-server: ` +
        `${connections} requests in flight after ${run.warmUpSeconds} s of warm-up; json-server parses and keeps nothing. append-fdatasync: ` +
        `each body written to a file and synced; append-fdatasync-${groupBodies}: ${groupBodies} of them with one write and one sync. read-json: ` +
        "their events read by DuckDB's read_json from a file into a table of a file, checkpointed, with all cores.",
      figures: figuresOf(sides, "batch"),
      goals: [goal(shareName("json-server", "batch"), { atLeast: jsonShareMin })],
      plots: [barsOf(sides, "batch")],
      ...remarksOf(sides),
    };
  },
});

function sidesOf(bench: Bench): Side[] {
  return [
    millraceSide(bench),
    jsonServerSide(bench),
    workSide(bench, { name: "append-fdatasync", work: (options) => appendFdatasync(options, { groupBodies: 1 }) }),
    workSide(bench, {
      name: `append-fdatasync-${groupBodies}`,
      work: (options) => appendFdatasync(options, { groupBodies }),
    }),
    workSide(bench, { name: "read-json", work: readJson }),
  ];
}

/** A floor that is not a server: nobody asks it anything, so it has no latency. */
function workSide(
  { folder, signal }: Bench,
  { name, work }: { name: string; work: (options: WorkOptions) => Promise<Work> },
): Side {
  return {
    name,
    waitsFor: "fsync",
    mayFail: false,
    measure: async ({ load, bodiesPath, seconds }) => {
      const { bodiesPerSecond } = await work({ bodiesPath, folder, seconds, signal });
      const eventsPerSecond = bodiesPerSecond * requestsOf[load].eventsPerRequest;
      return { eventsPerSecond, p99Ms: undefined, version: undefined, audit: undefined, warnings: [] };
    },
  };
}
