/** How long until an event counts: on disk, for SQL over HTTP, and for whoever opens the catalog. */
import type { Histogram } from "hdr-histogram-js";
import { figuresOf, goal } from "../core/figures.ts";
import { type Findings, type ScenarioRun, scenario } from "../core/scenario.ts";
import { type Marks, sendMarkers } from "../countable/markers.ts";
import { singles } from "../load/requests.ts";
import { beside } from "../open-loop/beside.ts";
import { latencyFigures, percentileLine } from "../open-loop/figures.ts";
import { SqlClient } from "../open-loop/sql-client.ts";
import { inTrials } from "../trial/rounds.ts";
import type { Trial } from "../trial/trial.ts";

/** Of the capacity. */
const share = 0.5;

/** The clocks of an event, at half load. */
export const countable = scenario({
  name: "countable",
  summary: "at half load: from sending to the durable answer, to SQL over HTTP, to the catalog in another process",
  // Some two hundred markers a round, so that a p99 is more than the slowest one.
  seconds: { own: 20, quick: 5 },
  measure,
});

async function measure(run: ScenarioRun): Promise<Findings> {
  const { seconds } = run;
  const { found, audits, warnings } = await inTrials(run, { requests: singles(256) }, (trial, round) =>
    oneRound(trial, { seconds, seed: run.seed + round }),
  );
  for (const { missing, refused } of found) {
    if (missing > 0) warnings.push(`${missing} markers were acknowledged and not seen within 10 s after the load`);
    if (refused > 0) warnings.push(`${refused} markers were refused with 503`);
  }
  const clocks: { of: string; rounds: Histogram[]; waitsFor: "fsync" | undefined }[] = [
    { of: "to the durable answer", rounds: found.map(({ answered }) => answered), waitsFor: "fsync" },
    { of: "to SQL over HTTP", rounds: found.map(({ overHttp }) => overHttp), waitsFor: undefined },
    { of: "to the catalog", rounds: found.map(({ onCatalog }) => onCatalog), waitsFor: undefined },
  ];
  return {
    about:
      "Markers, ten a second at times of chance, beside an open loop of single events at half of what a closed loop (wrk, 256 connections) reached just before; " +
      `${seconds} s, ${run.rounds} rounds. SQL over HTTP is asked one query after another for all markers that are awaited; the catalog is opened by ` +
      "another process every 50 ms.",
    figures: [
      ...clocks.flatMap(({ waitsFor, ...clock }) => latencyFigures({ eventsPerRequest: 1, waitsFor }, clock)),
      ...figuresOf({ eventsPerRequest: 1 }, found, [
        ["markers", "count", "neither", ({ answered }) => answered.totalCount],
      ]),
    ],
    // A person who reloads a page waits a second; the catalog is due after the flush interval of 2 s, and a second for
    // the flush.
    goals: [goal("p99 to SQL over HTTP", { atMost: 1_000 }), goal("p99 to the catalog", { atMost: 3_000 })],
    plots: [
      {
        kind: "percentiles",
        title: "From sending an event, at half load",
        lines: clocks.map(({ of, rounds }) => percentileLine(of, rounds)),
      },
    ],
    warnings,
    audits,
  };
}

async function oneRound(trial: Trial, { seconds, seed }: { seconds: number; seed: number }): Promise<Marks> {
  const client = await SqlClient.of(trial.service, trial.signal);
  const perSecond = (await trial.capacity()) * share;
  const { other } = await beside(
    (failed) => trial.openLoop({ perSecond, seconds }, failed),
    (over) => sendMarkers({ trial, client, prefix: `marker-${seed}-`, seed }, over),
  );
  return other;
}
