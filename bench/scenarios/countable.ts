/** How long until an event counts: on disk, for SQL over HTTP, and for whoever opens the catalog. */
import type { Histogram } from "hdr-histogram-js";
import type { Goal, ScenarioResult } from "../core/result.ts";
import { type Bench, extentOf, type Scenario } from "../core/scenario.ts";
import { type Marks, sendMarkers } from "../countable/markers.ts";
import { beside } from "../open-loop/beside.ts";
import { figure, latencyFigures, percentileLine } from "../open-loop/figures.ts";
import { inRounds } from "../open-loop/rounds.ts";
import { SqlClient } from "../open-loop/sql-client.ts";
import { singleForm, type Trial } from "../open-loop/trial.ts";

/** Some two hundred markers a round, so that a p99 is more than the slowest one. */
const extent = { rounds: 3, seconds: 20, secondsQuick: 5 };

/** Of the capacity. */
const share = 0.5;

/** A person who reloads a page waits a second; the catalog is due after the flush interval of 2 s, and a second for the flush itself. */
const goals: Goal[] = [
  { side: "millrace", name: "p99 to SQL over HTTP", bound: { atMost: 1_000 } },
  { side: "millrace", name: "p99 to the catalog", bound: { atMost: 3_000 } },
];

/** The clocks of an event, at half load. */
export const countable: Scenario = {
  name: "countable",
  summary: "at half load: from sending to the durable answer, to SQL over HTTP, to the catalog in another process",
  run: measure,
};

async function measure(bench: Bench): Promise<ScenarioResult> {
  const { rounds, seconds } = extentOf(bench, extent);
  const plan = { name: "countable", rounds, form: singleForm };
  const { found, audits, warnings } = await inRounds(bench, plan, (trial, round) =>
    oneRound(trial, { seconds, seed: bench.seed + round }),
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
    scenario: "countable",
    about:
      "Markers, ten a second at times of chance, beside an open loop of single events at half of what a closed loop (wrk, 256 connections) reached just before; " +
      `${seconds} s, ${rounds} rounds. SQL over HTTP is asked one query after another for all markers that are awaited; the catalog is opened by ` +
      "another process every 50 ms.",
    figures: [
      ...clocks.flatMap(({ of, rounds: histograms, waitsFor }) =>
        latencyFigures({ eventsPerRequest: 1, waitsFor }, { of, rounds: histograms }),
      ),
      figure(
        { eventsPerRequest: 1, waitsFor: undefined },
        {
          ...{ name: "markers", unit: "count", better: "neither" },
          samples: found.map(({ answered }) => answered.totalCount),
        },
      ),
    ],
    goals,
    plots: [
      {
        kind: "percentiles",
        title: "From sending an event, at half load",
        lines: clocks.map(({ of, rounds: histograms }) => percentileLine(of, histograms)),
      },
    ],
    warnings,
    audits,
    skipped: [],
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
