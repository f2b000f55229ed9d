/**
 * The service beside what a team would take in its place: the same events, each peer started by the suite, sides in
 * turn.
 */
import { goal } from "../core/figures.ts";
import type { Goal } from "../core/result.ts";
import { type Bench, type Findings, type ScenarioRun, scenario } from "../core/scenario.ts";
import { elysiaDuckdb } from "../peers/elysia-duckdb.ts";
import { fastapi } from "../peers/fastapi.ts";
import { fastifyPostgres } from "../peers/fastify-postgres.ts";
import { influxdb } from "../peers/influxdb.ts";
import { nats } from "../peers/nats.ts";
import { provide } from "../peers/packages.ts";
import type { Peer } from "../peers/peer.ts";
import { barsOf, figuresOf, remarksOf, shareName } from "../peers/side-figures.ts";
import {
  type Compared,
  compareSides,
  connections,
  millraceSide,
  peerSide,
  type Side,
  type SideRounds,
} from "../peers/sides.ts";

/** Each with how many times its events a second the service should take in batches; undefined if there is no goal. */
const peers: readonly { peer: Peer; timesMin: number | undefined }[] = [
  { peer: fastapi, timesMin: 8 },
  { peer: fastifyPostgres, timesMin: 10 },
  { peer: influxdb, timesMin: 4 },
  { peer: nats, timesMin: 0.5 },
  { peer: elysiaDuckdb, timesMin: undefined },
];

/** The service beside five other ways to take the same events. */
export const peersScenario = scenario({
  name: "peers",
  summary: "beside FastAPI, Fastify with PostgreSQL, InfluxDB, NATS JetStream, and Elysia with DuckDB",
  // Five seconds show a rate, and six sides under two loads stay below ten minutes.
  seconds: { own: 5, quick: 2 },
  measure,
});

async function measure(run: ScenarioRun): Promise<Findings> {
  const { sides, skipped } = await sidesToBeHad(run);
  const batches = await compareSides(run, { sides, form: "batch" });
  const singles = await compareSides(run, { sides: batches.sidesLeft, form: "single" });
  const { rounds, seconds } = run;
  const both = [...batches.sides, ...singles.sides];
  const versions = new Map(both.map(({ side, rounds }) => [side.name, rounds[0]?.version ?? ""]));
  return {
    about: [
      `${connections} requests in flight, the same events, batches of 100 and then one a request; each side in a process of its own, `,
      `empty, in turn, ${rounds} rounds of ${seconds} s after ${run.warmUpSeconds} s of warm-up. `,
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

async function sidesToBeHad(bench: Bench): Promise<{ sides: Side[]; skipped: Compared["skipped"] }> {
  const sides = [millraceSide(bench)];
  const skipped: Compared["skipped"] = [];
  for (const { peer } of peers) {
    const provided = peer.program === undefined ? undefined : await provide(peer.program, bench);
    if (provided?.kind === "missing") skipped.push({ side: peer.name, reason: provided.reason });
    else sides.push(peerSide(bench, { peer, probed: provided?.printed ?? "" }));
  }
  return { sides, skipped };
}

/** Goals are set for batches, and only for peers that were there. */
function goalsOf(sides: readonly SideRounds[]): Goal[] {
  return peers.flatMap(({ peer, timesMin }) => {
    if (timesMin === undefined || !sides.some(({ side }) => side.name === peer.name)) return [];
    return [goal(shareName(peer.name, "batch"), { atLeast: timesMin })];
  });
}
