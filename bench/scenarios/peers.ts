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
import { redis } from "../peers/redis.ts";
import { barsOf, figuresOf, remarksOf, shareName } from "../peers/side-figures.ts";
import {
  type Compared,
  compareSides,
  connections,
  type LoadName,
  millraceSide,
  peerSide,
  type Side,
  type SideRounds,
} from "../peers/sides.ts";

/** How many times its events a second the service should take under each load that a peer is put under. */
type Wishes = Partial<Record<LoadName, { timesMin: number | undefined }>>;

const withoutGoal = { timesMin: undefined };

const peers: readonly { peer: Peer; wishes: Wishes }[] = [
  { peer: fastapi, wishes: { batch: { timesMin: 8 }, single: withoutGoal } },
  { peer: fastifyPostgres, wishes: { batch: { timesMin: 10 }, single: withoutGoal } },
  { peer: influxdb, wishes: { batch: { timesMin: 4 }, single: withoutGoal } },
  { peer: nats, wishes: { batch: { timesMin: 0.5 }, single: withoutGoal } },
  { peer: elysiaDuckdb, wishes: { batch: withoutGoal, single: withoutGoal } },
  // One event a command is what its clients send.
  { peer: redis, wishes: { single: { timesMin: 0.9 }, "single-256": { timesMin: 0.75 } } },
];

const loads: readonly LoadName[] = ["batch", "single", "single-256"];

/** The service beside six other ways to take the same events. */
export const peersScenario = scenario({
  name: "peers",
  summary: "beside FastAPI, Fastify with PostgreSQL, InfluxDB, NATS JetStream, Elysia with DuckDB, and Redis streams",
  // Five seconds show a rate, and seven sides under up to three loads stay below ten minutes.
  seconds: { own: 5, quick: 2 },
  measure,
});

async function measure(run: ScenarioRun): Promise<Findings> {
  const had = await sidesToBeHad(run);
  const compared: { load: LoadName; sides: SideRounds[] }[] = [];
  const skipped = [...had.skipped];
  let sidesLeft = had.sides;
  for (const load of loads) {
    const asked = sidesLeft.filter(({ name }) => isAsked(name, load));
    // Without a peer there is nothing to compare with.
    if (asked.length < 2) continue;
    const found = await compareSides(run, { sides: asked, load });
    compared.push({ load, sides: found.sides });
    skipped.push(...found.skipped);
    sidesLeft = sidesLeft.filter((side) => !asked.includes(side) || found.sidesLeft.includes(side));
  }
  const { rounds, seconds } = run;
  const all = compared.flatMap(({ sides }) => sides);
  const versions = new Map(all.map(({ side, rounds }) => [side.name, rounds[0]?.version ?? ""]));
  return {
    about: [
      `${connections} requests in flight, the same events, batches of 100 and then one a request, beside Redis with 256 in flight too; each side in a process of its own, `,
      `empty, in turn, ${rounds} rounds of ${seconds} s after ${run.warmUpSeconds} s of warm-up. `,
      ...peers.flatMap(({ peer }) => {
        const version = versions.get(peer.name);
        return version === undefined ? [] : [`${peer.name} (${version}): ${peer.about}. `];
      }),
    ].join(""),
    figures: compared.flatMap(({ load, sides }) => figuresOf(sides, load)),
    goals: compared.flatMap(({ load, sides }) => goalsOf(sides, load)),
    plots: compared.map(({ load, sides }) => barsOf(sides, load)),
    ...remarksOf(all),
    skipped,
  };
}

/** The service is asked under every load. */
function isAsked(name: string, load: LoadName): boolean {
  return peers.every(({ peer, wishes }) => peer.name !== name || wishes[load] !== undefined);
}

async function sidesToBeHad(bench: Bench): Promise<{ sides: Side[]; skipped: Compared["skipped"] }> {
  const sides = [millraceSide(bench)];
  const skipped: Compared["skipped"] = [];
  for (const { peer } of peers) {
    const missing = peer.missing?.();
    if (missing !== undefined) {
      skipped.push({ side: peer.name, reason: missing });
      continue;
    }
    const provided = peer.program === undefined ? undefined : await provide(peer.program, bench);
    if (provided?.kind === "missing") skipped.push({ side: peer.name, reason: provided.reason });
    else sides.push(peerSide(bench, { peer, probed: provided?.printed ?? "" }));
  }
  return { sides, skipped };
}

/** Only for peers that were there. */
function goalsOf(sides: readonly SideRounds[], load: LoadName): Goal[] {
  return peers.flatMap(({ peer, wishes }) => {
    const timesMin = wishes[load]?.timesMin;
    if (timesMin === undefined || !sides.some(({ side }) => side.name === peer.name)) return [];
    return [goal(shareName(peer.name, load), { atLeast: timesMin })];
  });
}
