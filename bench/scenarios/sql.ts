/** What analysts ask: the catalog against one plain DuckDB table of the same rows in order of arrival. */
import { countText, figuresOf, goal } from "../core/figures.ts";
import { median } from "../core/method.ts";
import type { Figure } from "../core/result.ts";
import { type Findings, scenario } from "../core/scenario.ts";
import { type Asked, runSql, type SqlResults } from "../sql/run.ts";

const plainTable = "plain table";

/** The scenario; on request only. */
export const sql = scenario({
  name: "sql",
  summary: "five questions and the stats, catalog against a plain table, on --events events (10,000,000)",
  // Questions take fractions of a second, so that more rounds than those of a load are cheap.
  rounds: { own: 7, quick: 3 },
  // Ten days of history, in two minutes; a hundred million take a quarter of an hour and 12 GB. In a quick look two
  // segments: both kinds of a plan, one file and several, are there.
  events: { own: 10_000_000, quick: 1_000_000 },
  measure: async (run) => sqlFindings(await runSql(run, run), run.rounds),
});

/** Puts what was found into figures, with the goal of each question. */
export function sqlFindings(found: SqlResults, rounds: number): Findings & Required<Pick<Findings, "goals">> {
  const { asked, events, segments } = found;
  return {
    about:
      `${countText(events)} events, a million a day, in ${segments} compacted segments and, the same rows, in one plain DuckDB table in order of arrival. ` +
      `Each question is put to both in turn, each opened for it and closed after it, ${rounds} rounds. GET /stats is timed on a service with all events and on one with none.`,
    figures: [...asked.flatMap(figuresOfQuestion), ...figuresOfFolder(found)],
    goals: asked.map(({ name, shareMax }) => goal(shareName(name), { atMost: shareMax })),
    plots: [
      {
        kind: "bars",
        title: "Time through the catalog, as a share of the plain table's",
        unit: "share",
        bars: asked.map((question) => ({
          name: question.name,
          value: median(sharesOf(question)),
          note: `${median(question.catalogMs).toFixed(1)} ms against ${median(question.plainMs).toFixed(1)} ms`,
        })),
      },
    ],
    audits: [`${asked.length} questions: the catalog and the plain table gave the same rows`],
  };
}

function sharesOf({ catalogMs, plainMs }: Pick<Asked, "catalogMs" | "plainMs">): number[] {
  return catalogMs.map((ms, round) => ms / (plainMs[round] ?? Number.NaN));
}

function shareName(question: string): string {
  return `${question}, share of the plain table`;
}

function figuresOfQuestion(question: Asked): Figure[] {
  const { name, catalogMs, plainMs } = question;
  return [
    ...figuresOf({}, sharesOf(question), [[shareName(name), "share", "lower", (share) => share]]),
    ...figuresOf({}, catalogMs, [[name, "ms", "lower", (ms) => ms]]),
    ...figuresOf({ side: plainTable }, plainMs, [[name, "ms", "neither", (ms) => ms]]),
  ];
}

function figuresOfFolder(found: SqlResults): Figure[] {
  const { full, empty } = found.statsMs;
  const shares = sharesOf({ catalogMs: full, plainMs: empty });
  return [
    ...figuresOf({}, [found], [["size on disk", "bytes/event", "lower", (one) => one.bytesPerEvent]]),
    ...figuresOf(
      { side: plainTable },
      [found],
      [["size on disk", "bytes/event", "neither", (one) => one.plainBytesPerEvent]],
    ),
    ...figuresOf({}, full, [["stats p99, all events", "ms", "lower", (ms) => ms]]),
    ...figuresOf({}, empty, [["stats p99, no event", "ms", "lower", (ms) => ms]]),
    ...figuresOf({}, shares, [["stats p99, share of that with no event", "share", "lower", (share) => share]]),
    ...figuresOf({}, [found], [["ready with all events", "ms", "lower", ({ readyMs }) => readyMs]]),
  ];
}
