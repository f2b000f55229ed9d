/** What an event takes on disk, on its way from the journal to merged segments. */
import { join } from "node:path";
import { barsOf, countText, figuresOf } from "../core/figures.ts";
import { type Findings, type ScenarioRun, scenario } from "../core/scenario.ts";
import { type Backlog, recover, withBacklog } from "../storage/backlog.ts";
import { filesIn } from "../system/folder.ts";
import { compactFolder } from "../system/service.ts";
import { auditFolder } from "../trial/ledger.ts";

/** Bytes an event as it was sent, in the journal, sealed, and merged. */
export const bytes = scenario({
  name: "bytes",
  summary: "bytes on disk an event, by kind of file",
  // Few enough that nothing is merged before it is looked at; bytes need no rounds, as there is no noise in them.
  events: { own: 300_000, quick: 100_000 },
  measure: (run) => withBacklog(run, { events: run.events }, (backlog) => follow(run, backlog)),
});

async function follow(run: ScenarioRun, backlog: Backlog): Promise<Findings> {
  const { dataDir, events, journalBytes, sentBytes } = backlog;
  run.progress("bytes: they are sealed");
  const sealed = await recover(run, backlog);
  run.progress("bytes: they are merged");
  await compactFolder(dataDir, run.signal);
  const sizes = {
    ...{ sent: sentBytes, journal: journalBytes, sealed: sealed.segmentBytes },
    ...{ merged: filesIn(join(dataDir, "segments")).bytes, catalog: filesIn(dataDir).bytes },
  };
  const figures = figuresOf(
    {},
    [sizes],
    [
      ["sent, as JSON", "bytes/event", "neither", ({ sent }) => sent / events],
      ["journal", "bytes/event", "lower", ({ journal }) => journal / events],
      ["segments as sealed", "bytes/event", "lower", ({ sealed }) => sealed / events],
      ["segments merged", "bytes/event", "lower", ({ merged }) => merged / events],
      ["catalog", "bytes/event", "neither", ({ catalog }) => catalog / events],
    ],
  );
  return {
    about: `${countText(events)} events sent in full batches, no two bodies alike, looked at before they are sealed, after, and when they are merged; a file's size counts, so in the journal the zeros that stand ready for more, too. Catalog: all files directly in the data folder.`,
    figures,
    // The scenario compaction has a goal, with segments as large as they get: smaller ones take more for each event.
    plots: [barsOf({ title: "An event on disk", unit: "bytes/event" }, figures, ({ name }) => name)],
    audits: [sealed.audit, await auditFolder(dataDir, { acknowledged: events, unansweredMax: 0, counted: events })],
  };
}
