/**
 * Small events beside large bodies that are slow to read: no body may hold a shard for much longer than a string of its
 * size does.
 */
import { type Common, type FigureRow, figuresOf } from "../core/figures.ts";
import { median } from "../core/method.ts";
import { type Findings, type ScenarioRun, scenario } from "../core/scenario.ts";
import { type LargeBody, slowBodies, stringBody } from "../load/large-bodies.ts";
import { longest } from "../load/latency.ts";
import { compilerMissing } from "../load/native.ts";
import type { OpenLoopResult } from "../load/open-loop.ts";
import { writeBodies } from "../load/requests.ts";
import { beside, pause } from "../open-loop/beside.ts";
import { latencyFigures } from "../open-loop/figures.ts";
import { requests } from "../open-loop/rates.ts";
import { eachInTurn } from "../trial/rounds.ts";
import { auditedTrial, type Trial } from "../trial/trial.ts";

/** Small events. A second. */
const perSecond = 1_000;

/** Between two large bodies: they are the exception, and the keeper must get through them. ms */
const pauseMs = 250;

/** The small events see what the code does once it is compiled. s */
const warmUpSeconds = { own: 5, quick: 1 };

const bodies = [stringBody, ...slowBodies];

/** What the small events waited, and how long an answer to a large body took, in the order of the answers. ms */
type Found = { small: OpenLoopResult; largeMs: number[] };

type Round = ReadonlyMap<LargeBody, Found>;

/** Each kind of body in turn. */
export const largeBodies = scenario({
  name: "large-bodies",
  summary:
    "single events beside bodies of 1 MB that are slow to read, and beside a string of that size; only on request",
  seconds: { own: 8, quick: 3 },
  missing: compilerMissing,
  measure,
});

async function measure(run: ScenarioRun): Promise<Findings> {
  const bodiesPath = await writeBodies(requests, run);
  const { found: rounds, ...told } = await eachInTurn(run, bodies, (large) => {
    run.progress(`  beside ${large.name}`);
    return auditedTrial(run, { requests, bodiesPath }, (trial) => smallBeside(run, trial, large));
  });
  return {
    about:
      `An open loop of ${perSecond.toLocaleString("en-US")} single events a second for ${run.seconds} s, ${run.rounds} rounds, and beside it one client that posts a body of 1 MB, ` +
      `waits for its answer and ${pauseMs} ms more. Each kind of body has a service of its own, in turn.`,
    figures: bodies.flatMap((large) => figuresBeside(large, rounds)),
    ...told,
  };
}

async function smallBeside(run: ScenarioRun, trial: Trial, large: LargeBody): Promise<Found> {
  const extent = { perSecond, seconds: run.seconds };
  await trial.openLoop({ perSecond, seconds: run.isQuick ? warmUpSeconds.quick : warmUpSeconds.own });
  const { main: small, other: largeMs } = await beside(
    (failed) => trial.openLoop(extent, failed),
    (over) => postAgain(trial, large, over),
  );
  return { small, largeMs };
}

/**
 * Posts the body again and again until `over`.
 * @throws Error an answer is not the one that this body gets
 */
async function postAgain(trial: Trial, { name, body, isAccepted }: LargeBody, over: AbortSignal): Promise<number[]> {
  const largeMs: number[] = [];
  const { url, token } = trial.service;
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  while (!over.aborted) {
    const startedMs = performance.now();
    const answer = await fetch(`${url}/api/v1/analytics`, { method: "POST", headers, body });
    await answer.arrayBuffer();
    largeMs.push(performance.now() - startedMs);
    if (answer.status !== (isAccepted ? 200 : 422)) throw new Error(`${name}: answered ${answer.status}`);
    if (isAccepted) trial.note({ acknowledged: 1, unansweredMax: 0 });
    await pause(pauseMs, over);
  }
  return largeMs;
}

function figuresBeside(large: LargeBody, rounds: readonly Round[]) {
  const common: Common = { eventsPerRequest: 1, waitsFor: "fsync" };
  const found = rounds.flatMap((round) => round.get(large) ?? []);
  const longestOf = (round: Round, which: LargeBody) => {
    const each = round.get(which);
    return each === undefined ? Number.NaN : longest(each.small.accepts.fromIntended);
  };
  const beyond: FigureRow<Round>[] =
    large === stringBody
      ? []
      : [
          [
            `longest beside ${large.name}, of that beside ${stringBody.name}`,
            "share",
            "lower",
            (round) => longestOf(round, large) / longestOf(round, stringBody),
          ],
        ];
  return [
    ...figuresOf(common, rounds, beyond),
    ...latencyFigures(common, {
      of: `beside ${large.name}`,
      rounds: found.map(({ small }) => small.accepts.fromIntended),
    }),
    ...figuresOf(common, found, [[`answer to ${large.name}, median`, "ms", "lower", ({ largeMs }) => median(largeMs)]]),
  ];
}
