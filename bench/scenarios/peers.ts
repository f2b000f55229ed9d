/** The service beside what a team would take in its place: the same events, each peer started by the suite, sides in turn. */
import type { Goal, ScenarioResult } from "../core/result.ts";
import { type Bench, extentOf, type Scenario } from "../core/scenario.ts";
import { elysiaDuckdb } from "../peers/elysia-duckdb.ts";
import { fastapi } from "../peers/fastapi.ts";
import { fastifyPostgres } from "../peers/fastify-postgres.ts";
import { influxdb } from "../peers/influxdb.ts";
import { nats } from "../peers/nats.ts";
import { provide } from "../peers/packages.ts";
import type { Form, Peer } from "../peers/peer.ts";
import { barsOf, figuresOf, remarksOf, type SideRounds, shareName } from "../peers/side-figures.ts";
import { connections, inTurn, type Measured, millraceSide, peerSide, type Side, writeBodies } from "../peers/sides.ts";

/** Each with how many times its events a second the service should take in batches; undefined where that is only told. */
const peers: readonly { peer: Peer; timesMin: number | undefined }[] = [
  { peer: fastapi, timesMin: 8 },
  { peer: fastifyPostgres, timesMin: 10 },
  { peer: influxdb, timesMin: 4 },
  { peer: nats, timesMin: 0.5 },
  { peer: elysiaDuckdb, timesMin: undefined },
];

/** Five seconds show a rate, and six sides under two loads stay below ten minutes. */
const extent = { rounds: 3, seconds: 5, secondsQuick: 2 };

/** Of an error that is told as a reason: the rest is a log. Characters. */
const reasonCharactersMax = 300;

type Skipped = ScenarioResult["skipped"][number];

/** The service beside five other ways to take the same events. */
export const peersScenario: Scenario = {
  name: "peers",
  summary: "beside FastAPI, Fastify with PostgreSQL, InfluxDB, NATS JetStream, and Elysia with DuckDB",
  run,
};

async function run(bench: Bench): Promise<ScenarioResult> {
  const { sides, skipped } = await sidesToBeHad(bench);
  const batches = await measure(bench, { sides, form: "batch" });
  const singles = await measure(bench, { sides: batches.sidesLeft, form: "single" });
  const { rounds, seconds } = extentOf(bench, extent);
  const both = [...batches.sides, ...singles.sides];
  const versions = new Map(both.map(({ side, rounds }) => [side.name, rounds[0]?.version ?? ""]));
  return {
    scenario: "peers",
    about: [
      `${connections} requests in flight, the same events, batches of 100 and then one a request; each side in a process of its own, `,
      `empty, in turn, ${rounds} rounds of ${seconds} s after ${bench.warmUpSeconds} s of warm-up. `,
      ...peers.flatMap(({ peer }) => {
        const version = versions.get(peer.name);
        return version === undefined ? [] : [`${peer.name} (${version}): ${peer.about}. `];
      }),
    ].join(""),
    figures: [...figuresOf(batches.sides, "batch"), ...figuresOf(singles.sides, "single")],
    goals: goalsOf(batches.sides),
    plots: [barsOf(batches.sides, "batch"), barsOf(singles.sides, "single")],
    ...remarksOf(both),
    skipped: [...skipped, ...batches.skipped, ...singles.skipped],
  };
}

async function sidesToBeHad(bench: Bench): Promise<{ sides: Side[]; skipped: Skipped[] }> {
  const sides = [millraceSide(bench)];
  const skipped: Skipped[] = [];
  for (const { peer } of peers) {
    const provided = peer.program === undefined ? undefined : await provide(peer.program, bench);
    if (provided?.kind === "missing") skipped.push({ side: peer.name, reason: provided.reason });
    else sides.push(peerSide(bench, { peer, probed: provided?.printed ?? "" }));
  }
  return { sides, skipped };
}

/** All rounds of one load. A peer that fails in one of them is left out of all, and asked no more. */
async function measure(
  bench: Bench,
  { sides, form }: { sides: readonly Side[]; form: Form },
): Promise<{ sides: SideRounds[]; sidesLeft: Side[]; skipped: Skipped[] }> {
  const { rounds, seconds } = extentOf(bench, extent);
  const bodiesPath = await writeBodies(bench, form);
  const found = new Map<Side, Measured[]>(sides.map((side) => [side, []]));
  const skipped: Skipped[] = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const side of inTurn([...found.keys()], round)) {
      bench.progress(`peers, ${form} requests, round ${round + 1} of ${rounds}: ${side.name}, ${seconds} s`);
      try {
        found.get(side)?.push(await side.measure({ form, bodiesPath, seconds }));
      } catch (error) {
        if (side.name === "millrace" || bench.signal.aborted) throw error;
        const reason = `failed under ${form} requests: ${error instanceof Error ? error.message : String(error)}`;
        skipped.push({ side: side.name, reason: reason.slice(0, reasonCharactersMax) });
        found.delete(side);
      }
    }
  }
  const measured = [...found].map(([side, rounds]) => ({ side, rounds }));
  return { sides: measured, sidesLeft: [...found.keys()], skipped };
}

/** Goals are set for batches, and only for peers that were there. */
function goalsOf(sides: readonly SideRounds[]): Goal[] {
  return peers.flatMap(({ peer, timesMin }) => {
    if (timesMin === undefined || !sides.some(({ side }) => side.name === peer.name)) return [];
    return [{ side: "millrace", name: shareName(peer.name, "batch"), bound: { atLeast: timesMin } }];
  });
}
