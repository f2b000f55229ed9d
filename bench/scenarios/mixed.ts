/** Ingest beside analysis: what an analyst's SQL over HTTP and a dashboard's stats cost those who send events. */
import type { Histogram } from "hdr-histogram-js";
import { figuresOf, goal } from "../core/figures.ts";
import { type Findings, type ScenarioRun, scenario } from "../core/scenario.ts";
import { newHistogram, record } from "../load/latency.ts";
import { compilerMissing } from "../load/native.ts";
import { pause, together } from "../open-loop/beside.ts";
import { latencyFigures, percentileLine } from "../open-loop/figures.ts";
import { compareNeighbours, comparisonFigures, comparisonPlots } from "../open-loop/neighbours.ts";
import { SqlClient } from "../open-loop/sql-client.ts";
import type { Trial } from "../trial/trial.ts";

/** What an analyst and a dashboard ask: a total, a ranking, one from the rollup, one into the JSON, one visitor. */
const questions = [
  "SELECT category, count(*) FROM events GROUP BY ALL ORDER BY 2 DESC",
  "SELECT page_url, count(*) AS views FROM events WHERE event_name = 'page_viewed' GROUP BY ALL ORDER BY views DESC LIMIT 20",
  "SELECT hour, sum(events) FROM events_hourly GROUP BY ALL ORDER BY 1",
  "SELECT avg((properties->>'total')::DOUBLE) FROM events WHERE event_name = 'order_placed'",
  "SELECT session_id, count(*) AS events, max(timestamp) FROM events GROUP BY ALL ORDER BY events DESC LIMIT 10",
];

/** Between two times that a dashboard asks for the stats. */
const statsEveryMs = 100;

type Analysis = { queries: Histogram; stats: Histogram; queriesPerSecond: number; busy: number };

/** Half the capacity without and with an analyst. */
export const mixed = scenario({
  name: "mixed",
  missing: compilerMissing,
  summary:
    "ingest at half capacity without and with an analyst's SQL, one query after another, and stats 10 times a second",
  // Long enough for some dozens of queries.
  seconds: { own: 15, quick: 3 },
  measure,
});

async function measure(run: ScenarioRun): Promise<Findings> {
  const { found, audits, warnings } = await compareNeighbours(run, analyst);
  const analyses = found.map(({ neighbour }) => neighbour);
  const queries = analyses.map((analysis) => analysis.queries);
  const stats = analyses.map((analysis) => analysis.stats);
  const busy = analyses.reduce((total, analysis) => total + analysis.busy, 0);
  if (busy > 0) warnings.push(`${busy} queries were answered 429, though one was asked at a time`);
  return {
    about:
      "An open loop of single events at half of what a closed loop (wrk, 256 connections) reached just before, without and with an analyst: " +
      `SQL over HTTP, one query after another, and GET stats every ${statsEveryMs} ms. ${run.seconds} s each, in turn, ${run.rounds} rounds.`,
    figures: [
      ...comparisonFigures(found, "an analyst"),
      ...figuresOf({}, analyses, [["queries answered", "requests/s", "higher", (each) => each.queriesPerSecond]]),
      ...latencyFigures({}, { of: "of queries", rounds: queries }),
      ...latencyFigures({}, { of: "of stats", rounds: stats }),
    ],
    goals: [goal("p99 ratio", { atMost: 2 })],
    plots: [
      ...comparisonPlots(found, "an analyst"),
      {
        kind: "percentiles",
        title: "What the analyst waits for, beside ingest",
        lines: [percentileLine("SQL over HTTP", queries), percentileLine("stats", stats)],
      },
    ],
    warnings,
    audits,
  };
}

async function analyst(trial: Trial): Promise<(over: AbortSignal) => Promise<Analysis>> {
  const client = await SqlClient.of(trial.service, trial.signal);
  return async (over) => {
    const analysis = { queries: newHistogram(), stats: newHistogram(), busy: 0 };
    const startedMs = performance.now();
    await together(over, [
      (ends) => askInTurn(client, analysis, ends),
      (ends) => askStats(trial, analysis.stats, ends),
    ]);
    const seconds = (performance.now() - startedMs) / 1e3;
    return { ...analysis, queriesPerSecond: analysis.queries.totalCount / seconds };
  };
}

/** The last query ends after `over`: half an answer is not a latency. */
async function askInTurn(
  client: SqlClient,
  analysis: { queries: Histogram; busy: number },
  over: AbortSignal,
): Promise<void> {
  for (let turn = 0; !over.aborted; turn += 1) {
    const startedMs = performance.now();
    const answer = await client.ask(questions[turn % questions.length] ?? "SELECT 1");
    if (answer.kind === "busy") analysis.busy += 1;
    else record(analysis.queries, performance.now() - startedMs);
  }
}

async function askStats(trial: Trial, stats: Histogram, over: AbortSignal): Promise<void> {
  const startedMs = performance.now();
  for (let turn = 0; ; turn += 1) {
    // From when it was meant to be asked, as the events' latencies are.
    const intendedMs = startedMs + turn * statsEveryMs;
    await pause(intendedMs - performance.now(), over);
    if (over.aborted) return;
    await trial.service.stats();
    record(stats, performance.now() - intendedMs);
  }
}
