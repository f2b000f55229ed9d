/** What an event takes on disk, on its way from the journal to merged segments. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Figure, ScenarioResult } from "../core/result.ts";
import type { Bench, Scenario } from "../core/scenario.ts";
import { type Backlog, makeBacklog, recover } from "../storage/backlog.ts";
import { auditFolder } from "../storage/ledger.ts";
import { filesIn } from "../system/folder.ts";
import { compactFolder } from "../system/service.ts";

/** Few enough that nothing is merged before it is looked at; bytes need no rounds, as there is no noise in them. */
const events = { own: 300_000, quick: 100_000 };

/** Bytes an event as it was sent, in the journal, sealed, and merged. */
export const bytes: Scenario = { name: "bytes", summary: "bytes on disk an event, by kind of file", run };

async function run(bench: Bench): Promise<ScenarioResult> {
  const wished = bench.events ?? (bench.isQuick ? events.quick : events.own);
  bench.progress(`bytes: ${wished} events are accepted and not sealed`);
  const backlog = await makeBacklog(bench, { events: wished });
  try {
    return await follow(bench, backlog);
  } finally {
    await rm(backlog.dataDir, { recursive: true, force: true });
  }
}

async function follow(bench: Bench, backlog: Backlog): Promise<ScenarioResult> {
  const { dataDir, events: all, journalBytes, sentBytes } = backlog;
  bench.progress("bytes: they are sealed");
  const sealed = await recover(bench, backlog);
  bench.progress("bytes: they are merged");
  await compactFolder(dataDir, bench.signal);
  const merged = filesIn(join(dataDir, "segments")).bytes;
  const audits = [sealed.audit, await auditFolder(dataDir, { acknowledged: all, unansweredMax: 0, counted: all })];
  const figure = (name: string, { sum, better }: { sum: number; better: Figure["better"] }): Figure => ({
    side: "millrace",
    name,
    unit: "bytes/event",
    better,
    samples: [sum / all],
    eventsPerRequest: undefined,
    waitsFor: undefined,
  });
  const figures = [
    figure("sent, as JSON", { sum: sentBytes, better: "neither" }),
    figure("journal", { sum: journalBytes, better: "lower" }),
    figure("segments as sealed", { sum: sealed.segmentBytes, better: "lower" }),
    figure("segments merged", { sum: merged, better: "lower" }),
    figure("catalog", { sum: filesIn(dataDir).bytes, better: "neither" }),
  ];
  return {
    scenario: bytes.name,
    about: `${all.toLocaleString("en-US")} events sent in full batches, no two bodies alike, looked at before they are sealed, after, and when they are merged; a file's size counts, so in the journal the zeros that stand ready for more, too. Catalog: all files directly in the data folder.`,
    figures,
    // The scenario compaction has one, with segments as large as they get: smaller ones take more for each event.
    goals: [],
    plots: [
      {
        kind: "bars",
        title: "An event on disk",
        unit: "bytes/event",
        bars: figures.map(({ name, samples }) => ({ name, value: samples[0] ?? Number.NaN, note: "" })),
      },
    ],
    warnings: [],
    audits,
    skipped: [],
  };
}
