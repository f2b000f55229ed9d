/** What analysts ask: the catalog against one plain DuckDB table of the same rows in order of arrival. */
import { median } from "../core/method.ts";
import type { Figure, Goal, ScenarioResult } from "../core/result.ts";
import type { Bench, Scenario } from "../core/scenario.ts";
import { type Asked, runSql, type SqlResults } from "../sql/run.ts";

/** Ten days of history, in two minutes; a hundred million take a quarter of an hour and 12 GB. */
const eventsOwn = 10_000_000;

/** Two segments: both kinds of a plan, one file and several, are there. */
const eventsQuick = 1_000_000;

/** Questions take fractions of a second, so that more rounds than those of a load are cheap. */
const roundsOwn = 7;
const roundsQuick = 3;

const plainTable = "plain table";

/** The scenario; on request only. */
export const sql: Scenario = {
  name: "sql",
  summary: "five questions and the stats, catalog against a plain table, on --events events (10,000,000)",
  run: async (bench: Bench) => {
    const plan = {
      events: bench.events ?? (bench.isQuick ? eventsQuick : eventsOwn),
      rounds: bench.rounds ?? (bench.isQuick ? roundsQuick : roundsOwn),
      seed: bench.seed,
    };
    return sqlResult(await runSql(plan, bench), plan.rounds);
  },
};

/** Puts what was found into figures, with the goal of each question. */
export function sqlResult(found: SqlResults, rounds: number): ScenarioResult {
  const { asked, events, segments } = found;
  return {
    scenario: "sql",
    about:
      `${events.toLocaleString("en-US")} events, a million a day, in ${segments} compacted segments and, the same rows, in one plain DuckDB table in order of arrival. ` +
      `Each question is put to both in turn, each opened for it and closed after it, ${rounds} rounds. GET /stats is timed on a service with all events and on one with none.`,
    figures: [...asked.flatMap(figuresOfQuestion), ...figuresOfFolder(found)],
    goals: asked.map(goalOf),
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
    warnings: [],
    audits: [`${asked.length} questions: the catalog and the plain table gave the same rows`],
    skipped: [],
  };
}

const noRequests = { eventsPerRequest: undefined, waitsFor: undefined };

function sharesOf({ catalogMs, plainMs }: Pick<Asked, "catalogMs" | "plainMs">): number[] {
  return catalogMs.map((ms, round) => ms / (plainMs[round] ?? Number.NaN));
}

function shareName(question: string): string {
  return `${question}, share of the plain table`;
}

function goalOf({ name, shareMax }: Asked): Goal {
  return { side: "millrace", name: shareName(name), bound: { atMost: shareMax } };
}

function figuresOfQuestion(question: Asked): Figure[] {
  const { name, catalogMs, plainMs } = question;
  const time = { name, unit: "ms", better: "lower", ...noRequests } as const;
  return [
    { ...time, side: "millrace", name: shareName(name), unit: "share", samples: sharesOf(question) },
    { ...time, side: "millrace", samples: [...catalogMs] },
    { ...time, side: plainTable, better: "neither", samples: [...plainMs] },
  ];
}

function figuresOfFolder({ bytesPerEvent, plainBytesPerEvent, statsMs, readyMs }: SqlResults): Figure[] {
  const size = { name: "size on disk", unit: "bytes/event", ...noRequests } as const;
  const own = { side: "millrace", better: "lower", ...noRequests } as const;
  return [
    { ...size, side: "millrace", better: "lower", samples: [bytesPerEvent] },
    { ...size, side: plainTable, better: "neither", samples: [plainBytesPerEvent] },
    { ...own, name: "stats p99, all events", unit: "ms", samples: [...statsMs.full] },
    { ...own, name: "stats p99, no event", unit: "ms", samples: [...statsMs.empty] },
    {
      ...own,
      name: "stats p99, share of that with no event",
      unit: "share",
      samples: sharesOf({ catalogMs: statsMs.full, plainMs: statsMs.empty }),
    },
    { ...own, name: "ready with all events", unit: "ms", samples: [readyMs] },
  ];
}
