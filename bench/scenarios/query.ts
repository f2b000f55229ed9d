/** What a query over HTTP takes where nothing else runs: a small one, ten in a row, and answers of many rows. */
import { setTimeout as sleep } from "node:timers/promises";
import { barsOf, countText, figuresOf, goal } from "../core/figures.ts";
import { inTurn, median } from "../core/method.ts";
import { percentile } from "../core/percentile.ts";
import { type Findings, type ScenarioRun, scenario } from "../core/scenario.ts";
import { SqlClient } from "../open-loop/sql-client.ts";
import { fill } from "../storage/fill.ts";
import { Service } from "../system/service.ts";
import { auditService } from "../trial/ledger.ts";

const formats = ["json", "csv"] as const;

/** Of each kind in a round: enough for a median. */
const amounts = { own: { small: 20, rows: 5, answers: 5 }, quick: { small: 5, rows: 2, answers: 2 } };

/** Between two questions of somebody who reads the answer; a spare process is ready again by then. ms */
const idleMs = 1_000;

const inARow = 10;

const names = {
  small: "SELECT 1 when idle, p50",
  row: `SELECT 1, ${inARow} in a row`,
  share: "JSON over CSV",
} as const;

/** On a service that holds events, all sealed, and does nothing else. */
export const query = scenario({
  name: "query",
  summary: "SELECT 1 over HTTP when idle and ten in a row; all rows as JSON and as CSV",
  // The answer is a hundred megabytes of JSON, so that what starts a query does not count.
  events: { own: 300_000, quick: 50_000 },
  measure,
});

async function measure(run: ScenarioRun): Promise<Findings> {
  const { small, rows, answers } = run.isQuick ? amounts.quick : amounts.own;
  await using service = await Service.start({ folder: run.folder, signal: run.signal });
  const { events } = await fill(run, service, { events: run.events });
  while ((await service.stats()).eventsPending > 0) await sleep(100, undefined, { signal: run.signal });
  const client = await SqlClient.of(service, run.signal);
  const timed = async (work: () => Promise<unknown>) => {
    const startedMs = performance.now();
    await work();
    return performance.now() - startedMs;
  };
  const idle = () => sleep(idleMs, undefined, { signal: run.signal });
  const one = () => client.ask("SELECT 1");
  const tenInARow = async () => {
    for (let nth = 0; nth < inARow; nth += 1) await one();
  };

  const found = await run.eachRound(async (round) => {
    const ms: Record<"small" | "row" | (typeof formats)[number], number[]> = { small: [], row: [], json: [], csv: [] };
    // The first starts the pool of spare processes.
    await one();
    for (let nth = 0; nth < small; nth += 1) {
      await idle();
      ms.small.push(await timed(one));
    }
    for (let nth = 0; nth < rows; nth += 1) {
      await idle();
      ms.row.push(await timed(tenInARow));
    }
    for (let nth = 0; nth < answers; nth += 1)
      for (const format of inTurn(formats, round + nth)) {
        await idle();
        ms[format].push(await timed(() => client.read("SELECT * FROM events", format)));
      }
    return ms;
  });
  const figures = figuresOf({}, found, [
    [names.small, "ms", "lower", (ms) => median(ms.small)],
    ["SELECT 1 when idle, longest", "ms", "lower", (ms) => percentile(ms.small, 100)],
    [names.row, "ms", "lower", (ms) => median(ms.row)],
    ["all rows as JSON", "ms", "lower", (ms) => median(ms.json)],
    ["all rows as CSV", "ms", "lower", (ms) => median(ms.csv)],
    [names.share, "share", "lower", (ms) => median(ms.json) / median(ms.csv)],
  ]);
  return {
    about: `${countText(events)} sealed events, nobody sends any, ${run.rounds} rounds. Each question ${idleMs} ms after the answer before: ${small} times SELECT 1, ${rows} times ${inARow} of them one right after another, and SELECT * FROM events as JSON and as CSV in turn, ${answers} times each, read to the end. Medians of a round.`,
    figures,
    goals: [goal(names.small, { atMost: 15 }), goal(names.row, { atMost: 300 }), goal(names.share, { atMost: 1.5 })],
    plots: [
      barsOf(
        { title: "Queries over HTTP", unit: "ms" },
        figures.filter(({ unit }) => unit === "ms"),
        ({ name }) => name,
      ),
    ],
    audits: [await auditService(service, { acknowledged: events, unansweredMax: 0 })],
  };
}
