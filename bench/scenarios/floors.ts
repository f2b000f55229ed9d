/** The service beside what bounds it: parsing alone, the disk alone, DuckDB's reading alone. Sides in turn. */
import type { ScenarioResult } from "../core/result.ts";
import { type Bench, extentOf, type Scenario } from "../core/scenario.ts";
import { appendFdatasync, readJson, type Work, type WorkOptions } from "../floors/work.ts";
import { barsOf, figuresOf, remarksOf, shareName } from "../peers/side-figures.ts";
import {
  connections,
  eventsPerRequest,
  inTurn,
  jsonServerSide,
  type Measured,
  millraceSide,
  type Side,
  writeBodies,
} from "../peers/sides.ts";

/** Long enough for five flushes of the service. */
const extent = { rounds: 3, seconds: 10, secondsQuick: 2 };

/** As many as there are requests in flight: the most that a group commit could bring together. Bodies. */
const groupBodies = connections;

/** The least share of the events that Bun can parse and answer; the rest is what keeping them may take. */
const jsonShareMin = 0.22;

/** The service beside the least that its parts cost. */
export const floorsScenario: Scenario = {
  name: "floors",
  summary: "beside a server that only parses JSON, a file that is only synced, and DuckDB that only reads",
  run,
};

async function run(bench: Bench): Promise<ScenarioResult> {
  const { rounds, seconds } = extentOf(bench, extent);
  const bodiesPath = await writeBodies(bench, "batch");
  const found = new Map<Side, Measured[]>(sidesOf(bench).map((side) => [side, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const side of inTurn([...found.keys()], round)) {
      bench.progress(`floors, round ${round + 1} of ${rounds}: ${side.name}, ${seconds} s`);
      found.get(side)?.push(await side.measure({ form: "batch", bodiesPath, seconds }));
    }
  }
  const sides = [...found].map(([side, rounds]) => ({ side, rounds }));
  return {
    scenario: "floors",
    about:
      `Events in batches of 100, the same bodies for all, in turn, ${rounds} rounds of ${seconds} s. millrace and json-server: ` +
      `${connections} requests in flight after ${bench.warmUpSeconds} s of warm-up; json-server parses and keeps nothing. append-fdatasync: ` +
      `each body written to a file and synced; append-fdatasync-${groupBodies}: ${groupBodies} of them with one write and one sync. read-json: ` +
      "their events read by DuckDB's read_json from a file into a table of a file, checkpointed, with all cores.",
    figures: figuresOf(sides, "batch"),
    goals: [{ side: "millrace", name: shareName("json-server", "batch"), bound: { atLeast: jsonShareMin } }],
    plots: [barsOf(sides, "batch")],
    ...remarksOf(sides),
    skipped: [],
  };
}

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

/** A floor that is no server: nobody asks it anything, so it has no latency. */
function workSide(
  { folder, signal }: Bench,
  { name, work }: { name: string; work: (options: WorkOptions) => Promise<Work> },
): Side {
  return {
    name,
    waitsFor: "fsync",
    measure: async ({ form, bodiesPath, seconds }) => {
      const { bodiesPerSecond } = await work({ bodiesPath, folder, seconds, signal });
      const eventsPerSecond = bodiesPerSecond * eventsPerRequest(form);
      return { eventsPerSecond, p99Ms: undefined, version: undefined, audit: undefined, warnings: [] };
    },
  };
}
