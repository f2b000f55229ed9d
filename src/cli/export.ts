/** `millrace export`: events as files for other programs. */
import { createReadStream } from "node:fs";
import { join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { Command, Option } from "@commander-js/extra-typings";
import { ConfigInvalid } from "../base/errors.ts";
import { readConfig } from "../config/config.ts";
import { parseTimestamp } from "../event/timestamp.ts";
import { exportEvents } from "../offline/export.ts";
import { exportPerson } from "../offline/export-person.ts";
import { type ExportFormat, exportFormats } from "../offline/export-query.ts";
import { requireDataFolder } from "../store/folder/layout.ts";
import { type DataFolder, dataFolder } from "../store/folder/names.ts";
import { Progress } from "./progress.ts";
import { scratchFolder } from "./scratch.ts";

/** Starts or resumes an export. */
export const exportCommand = new Command("export")
  .description("write events to a file for each day, resumable, or one person's; with or without a running service")
  .option("--out <path>", "a folder, empty or with the same export; with --person a new file, default: standard output")
  .option("--person <id>", "one person's events, as lines of JSON, for a request of access")
  .option("--from <time>", "events whose timestamp is at or after this ISO date or time, UTC without an offset")
  .option("--to <time>", "events whose timestamp is before this ISO date or time")
  .addOption(
    new Option("--format <format>", "of the files")
      .choices(exportFormats)
      .default(undefined, "parquet; ndjson with --person"),
  )
  .addHelpText(
    "after",
    `
The files are <folder>/day=YYYY-MM-DD/events.<format>, by UTC day of timestamp, each with all columns of events and ordered by
timestamp. In parquet event_id, category, priority and properties are strings, so that every reader can read them; properties
is JSON. <folder>/_export.json says which days are finished and what they hold. Everything beside the days begins with _,
which pyarrow and Spark skip, so that they open the folder as one data set; polars and DuckDB open <folder>/*/*.parquet. An export that was interrupted goes on when the same
command runs again; days that hold other events since are written again.

--person ID takes a user, or an anonymous or client id without a user, by the same rule as "millrace erase --person". Each line is
an event, ordered by timestamp. After them come the person's refused events, each as {"refused": {..., "event": ...}}. It says on
standard error how many there are, and what could not be searched, with exit code 1.`,
  )
  .action(async (options) => {
    const folder = dataFolder(resolve(readConfig(process.env).dataDir));
    const { out, person, format = "parquet" } = options;
    if (person !== undefined) return await exportOne(folder, { ...options, person });
    if (out === undefined) throw new ConfigInvalid(["--out: is required without --person: the folder to write to"]);
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
        format,
        out,
        onProgress: ({ day, days, daysDone, events, eventsDone }) =>
          progress.show({
            done: eventsDone,
            total: events,
            text: `${day ?? "counted"}: ${daysDone} of ${days} days, ${eventsDone} of ${events} events`,
          }),
      }),
    );
    process.stdout.write(
      `exported ${report.events} events of ${report.days} days to ${resolve(out)}, ${report.skipped} days were there already\n`,
    );
  });

type PersonOptions = { person: string; out?: string; format?: ExportFormat; from?: string; to?: string };

/** Exports one person's events to a file, or to standard output. */
async function exportOne(folder: DataFolder, options: PersonOptions): Promise<void> {
  const { person, out, format = "ndjson", from, to } = options;
  const problems: string[] = [];
  if (person === "") problems.push("--person: an empty string is nobody; is a variable of the shell not set?");
  if (format !== "ndjson") problems.push(`--format ${format}: a person's events are written as ndjson only`);
  if (from !== undefined || to !== undefined) problems.push("--from, --to: a person's events are exported whole");
  if (problems.length > 0) throw new ConfigInvalid(problems);
  requireDataFolder(folder);
  using scratch = scratchFolder(folder);
  const path = out ?? join(scratch.path, "person.ndjson");
  const report = await exportPerson({ folder, person, out: path, scratch: scratch.path });
  if (out === undefined) await pipeline(createReadStream(path), process.stdout, { end: false });
  process.stderr.write(
    `exported ${report.events} events and ${report.refused} refused events of one person${out === undefined ? "" : ` to ${resolve(out)}`}\n`,
  );
  if (report.notSearched.length === 0) return;
  process.stderr.write(
    `millrace: these files cannot be read, and may hold some of the events: ${report.notSearched.join(", ")}\n`,
  );
  process.exitCode = 1;
}

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
