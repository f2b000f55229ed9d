/** Ingest beside an open page: what each of the views that go on asking costs those who send events. */
import type { Histogram } from "hdr-histogram-js";
import { overviewQuestions } from "../../src/page/questions.ts";
import { spanOf } from "../../src/page/state/span.ts";
import { figuresOf, goal } from "../core/figures.ts";
import { scenario } from "../core/scenario.ts";
import { newHistogram, record } from "../load/latency.ts";
import { compilerMissing } from "../load/native.ts";
import { pause, together } from "../open-loop/beside.ts";
import { latencyFigures } from "../open-loop/figures.ts";
import { type Compared, compareNeighbours, comparisonFigures, comparisonPlots } from "../open-loop/neighbours.ts";
import { SqlClient } from "../open-loop/sql-client.ts";
import { TailClient } from "../open-loop/tail-client.ts";
import type { Trial } from "../trial/trial.ts";

/** Between two times that the page asks for the stats (`src/page/service/pulse.ts`). ms */
const statsEveryMs = 2_000;

/** The page's pace (`src/page/service/use-answer.ts`): again after 15 s, and after 20 times as long as all took. */
const again = { msMin: 15_000, timesTook: 20 };

/** Of the capacity: an hour of a service that is used, not its busiest one. */
const share = 0.25;

type Page = { queries: Histogram; shown: number; missed: number; busy: number };

/** The Overview, which opens first: stats, and questions at the page's own pace. */
export const page = scenario({
  name: "page",
  missing: compilerMissing,
  summary: "ingest at a quarter of the capacity without and with an open page: stats and the overview's questions",
  rounds: { own: 7, quick: 1 },
  // The overview is asked for at once and once again.
  seconds: { own: 20, quick: 3 },
  measure: async (run) => {
    const { found, audits, warnings } = await compareNeighbours(run, openOverview, share);
    const pages = found.map(({ neighbour }) => neighbour);
    const busy = pages.reduce((total, each) => total + each.busy, 0);
    if (busy > 0) warnings.push(`${busy} queries were answered 429, though one was asked at a time`);
    return {
      about: `${openLoopWords} an open page: GET stats every ${statsEveryMs / 1e3} s, and the ${overviewQuestions.length} questions of the overview at the page's own pace. ${run.seconds} s each, in turn, ${run.rounds} rounds.`,
      ...comparison(found, "a page"),
      figures: [
        ...comparisonFigures(found, "a page"),
        ...latencyFigures({}, { of: "of the page's questions", rounds: pages.map(({ queries }) => queries) }),
      ],
      warnings,
      audits,
    };
  },
});

/** The view Live: stats, and a tail of every event. */
export const pageLive = scenario({
  name: "page-live",
  missing: compilerMissing,
  summary: "ingest at a quarter of the capacity without and with the page's view Live: stats, a tail of every event",
  rounds: { own: 7, quick: 1 },
  seconds: { own: 10, quick: 3 },
  measure: async (run) => {
    const { found, audits, warnings } = await compareNeighbours(run, openLive, share);
    const pages = found.map(({ neighbour }) => neighbour);
    const missed = pages.reduce((total, each) => total + each.missed, 0);
    if (missed > 0)
      warnings.push(`${missed} events were left out of the live tail, because the page took them too slowly`);
    return {
      about: `${openLoopWords} the view Live: GET stats every ${statsEveryMs / 1e3} s, and one live tail without a filter. ${run.seconds} s each, in turn, ${run.rounds} rounds.`,
      ...comparison(found, "a tail"),
      figures: [
        ...comparisonFigures(found, "a tail"),
        ...figuresOf({}, pages, [["events shown", "events/s", "neither", (each) => each.shown / run.seconds]]),
      ],
      warnings,
      audits,
    };
  },
});

const openLoopWords =
  "An open loop of single events at a quarter of what a closed loop (wrk, 256 connections) reached just before, without and with";

const comparison = (found: readonly Compared<Page>[], who: string) => ({
  goals: [goal("p99 ratio", { atMost: 1.2 })],
  plots: comparisonPlots(found, who),
});

const newPage = (): Page => ({ queries: newHistogram(), shown: 0, missed: 0, busy: 0 });

async function openOverview(trial: Trial): Promise<(over: AbortSignal) => Promise<Page>> {
  const sql = await SqlClient.of(trial.service, trial.signal);
  return async (over) => {
    const opened = newPage();
    await together(over, [(ends) => askOverview(sql, opened, ends), (ends) => askStats(trial, ends)]);
    return opened;
  };
}

async function openLive(trial: Trial): Promise<(over: AbortSignal) => Promise<Page>> {
  const tail = new TailClient(trial.service.url, await trial.service.tokenFor("query"));
  return async (over) => {
    await together(over, [(ends) => askStats(trial, ends), (ends) => tail.follow(ends)]);
    return { ...newPage(), shown: tail.events, missed: tail.missed };
  };
}

/** The last question ends after `over`: half an answer is not a latency. */
async function askOverview(client: SqlClient, opened: Page, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    const askedMs = performance.now();
    for (const question of overviewQuestions) {
      if (over.aborted) return;
      const startedMs = performance.now();
      const answer = await client.ask(question(spanOf("24h", "UTC", Date.now())));
      if (answer.kind === "busy") opened.busy += 1;
      else record(opened.queries, performance.now() - startedMs);
    }
    await pause(Math.max(again.msMin, again.timesTook * (performance.now() - askedMs)), over);
  }
}

async function askStats(trial: Trial, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    await trial.service.stats();
    await pause(statsEveryMs, over);
  }
}
