/** `millrace export`: events as files for other programs. */
import { resolve } from "node:path";
import { Command, Option } from "@commander-js/extra-typings";
import { ConfigInvalid } from "../base/errors.ts";
import { readConfig } from "../config/config.ts";
import { parseTimestamp } from "../event/timestamp.ts";
import { exportEvents } from "../offline/export.ts";
import { exportFormats } from "../offline/export-query.ts";
import { dataFolder } from "../store/folder/names.ts";
import { Progress } from "./progress.ts";

/** Starts or resumes an export. */
export const exportCommand = new Command("export")
  .description("write events to a file for each day, resumable; with or without a running service")
  .requiredOption("--out <folder>", "where to; it must be empty, or hold the same export")
  .option("--from <time>", "events whose timestamp is at or after this ISO date or time, UTC without an offset")
  .option("--to <time>", "events whose timestamp is before this ISO date or time")
  .addOption(new Option("--format <format>", "of the files").choices(exportFormats).default("parquet" as const))
  .addHelpText(
    "after",
    `
The files are <folder>/day=YYYY-MM-DD/events.<format>, by UTC day of timestamp, each with all columns of events and ordered by
timestamp. In parquet event_id, category, priority and properties are strings, so that every reader can read them; properties
is JSON. <folder>/_export.json says which days are finished and what they hold. Everything beside the days begins with _, so
that pyarrow, pandas, polars and DuckDB open the folder as one data set. An export that was interrupted goes on when the same
command runs again; days that hold other events since are written again.`,
  )
  .action(async (options) => {
    const folder = dataFolder(resolve(readConfig(process.env).dataDir));
    const from = timeOf("--from", options.from);
    const to = timeOf("--to", options.to);
    if (from !== null && to !== null && from >= to) {
      throw new ConfigInvalid([`--to: must be later than --from, and ${to} is not later than ${from}`]);
    }
    const report = await withProgress((progress) =>
      exportEvents({
        folder,
        from,
        to,
        format: options.format,
        out: options.out,
        onProgress: ({ day, days, daysDone, events, eventsDone }) =>
          progress.show({
            done: eventsDone,
            total: events,
            text: `${day ?? "counted"}: ${daysDone} of ${days} days, ${eventsDone} of ${events} events`,
          }),
      }),
    );
    process.stdout.write(
      `exported ${report.events} events of ${report.days} days to ${resolve(options.out)}, ${report.skipped} days were there already\n`,
    );
  });

async function withProgress<Report>(work: (progress: Progress) => Promise<Report>): Promise<Report> {
  using progress = new Progress();
  return await work(progress);
}

function timeOf(option: string, given: string | undefined): string | null {
  if (given === undefined) return null;
  const parsed = parseTimestamp(given);
  if (parsed.ok) return parsed.timestamp.text;
  throw new ConfigInvalid([`${option}: must be an ISO date or time, not ${JSON.stringify(given)}: ${parsed.error}`]);
}
