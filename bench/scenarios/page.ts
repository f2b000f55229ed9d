/** Ingest beside an open page: what each of the views that go on asking costs those who send events. */
import type { Histogram } from "hdr-histogram-js";
import { overviewQuestions } from "../../src/page/questions.ts";
import { spanOf } from "../../src/page/state/span.ts";
import { figuresOf, goal } from "../core/figures.ts";
import type { Figure } from "../core/result.ts";
import { scenario } from "../core/scenario.ts";
import { newHistogram, record } from "../load/latency.ts";
import { compilerMissing } from "../load/native.ts";
import { pause, together } from "../open-loop/beside.ts";
import { latencyFigures } from "../open-loop/figures.ts";
import { compareNeighbours, comparisonFigures, comparisonPlots } from "../open-loop/neighbours.ts";
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
export const page = viewScenario({
  name: "page",
  view: "an open page",
  what: `the ${overviewQuestions.length} questions of the overview at the page's own pace`,
  // The overview is asked for at once and once again.
  seconds: 20,
  open: openOverview,
  figures: (pages) =>
    latencyFigures({}, { of: "of the page's questions", rounds: pages.map(({ queries }) => queries) }),
});

/** The view Live: stats, and a tail of every event. */
export const pageLive = viewScenario({
  name: "page-live",
  view: "the page's view Live",
  what: "a live tail of every event",
  seconds: 10,
  open: openLive,
  figures: (pages, seconds) =>
    figuresOf({}, pages, [["events shown", "events/s", "neither", ({ shown }) => shown / seconds]]),
});

/** A view of the page: what it asks beside the stats, for how long each load lasts (s), and its own figures. */
type View = {
  name: string;
  view: string;
  what: string;
  seconds: number;
  open: (trial: Trial) => Promise<(over: AbortSignal) => Promise<Page>>;
  figures: (pages: readonly Page[], seconds: number) => Figure[];
};

function viewScenario({ name, view, what, seconds, open, figures }: View) {
  return scenario({
    name,
    missing: compilerMissing,
    summary: `ingest at a quarter of the capacity without and with ${view}: stats and ${what}`,
    rounds: { own: 7, quick: 1 },
    seconds: { own: seconds, quick: 3 },
    measure: async (run) => {
      const { found, audits, warnings } = await compareNeighbours(run, open, share);
      const pages = found.map(({ neighbour }) => neighbour);
      const missed = pages.reduce((total, each) => total + each.missed, 0);
      const busy = pages.reduce((total, each) => total + each.busy, 0);
      if (missed > 0) warnings.push(`${missed} events were left out of the live tail, because it was read too slowly`);
      if (busy > 0) warnings.push(`${busy} queries were answered 429, though one was asked at a time`);
      return {
        about: `An open loop of single events at a quarter of what a closed loop (wrk, 256 connections) reached just before, without and with ${view}: GET stats every ${statsEveryMs / 1e3} s, and ${what}. ${run.seconds} s each, in turn, ${run.rounds} rounds.`,
        figures: [...comparisonFigures(found, "a page"), ...figures(pages, run.seconds)],
        goals: [goal("p99 ratio", { atMost: 1.2 })],
        plots: comparisonPlots(found, "a page"),
        warnings,
        audits,
      };
    },
  });
}

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
