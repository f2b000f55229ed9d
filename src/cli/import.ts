/** `millrace import`: imports an existing history. `src/import` reads the files; options and messages are here. */
import { createReadStream, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { type Config, readConfig } from "../config/config.ts";
import { checkFiles, type ImportOptions } from "../import/check.ts";
import { csvDelimiters } from "../import/csv.ts";
import { pieceMax } from "../import/piece.ts";
import { ImportRefused } from "../import/refused.ts";
import { sealFiles } from "../import/seal.ts";
import { formatNames, type ImportSource, importSource } from "../import/source.ts";
import { spool } from "../import/spool.ts";
import type { SchemaSet } from "../schema/set.ts";
import { dataFolder } from "../store/folder/names.ts";
import { Progress } from "./progress.ts";
import { type Reached, reachServer } from "./reach.ts";

const help = `
Files are told apart by their names: .csv, .tsv, .ndjson, .jsonl, .json (all also with .gz), .parquet; - is standard
input, JSON or Parquet unless --format says otherwise.
Columns are those of \`events\`; event_name is needed, and what is null or absent is filled in. JSON is a value a line, an array,
or values over several lines. CSV follows RFC 4180, with a header; a cell with nothing in it is absent, "" is the empty string.
Times are ISO 8601 (no offset means UTC), or Unix seconds up to 2e10 and milliseconds past that.

All rows are checked first. One that is bad refuses everything, and nothing is kept. Interrupted after that, the same command
does what is missing: an event whose event_id is there already is left out. A row without event_id gets one that is made from
the file's name (without its folder and .gz), what the row says, and how many equal rows came before it in files of that name:
the same file again brings nothing new, a longer one what is new, and equal rows count in files of two names. Files of one name
from several folders belong into one command, or under names that --source gives.`;

const formats = Object.keys(formatNames);

const delimiterOf = (text: string): string => {
  const delimiter = text === "\\t" || text === "tab" ? "\t" : text;
  if (/^[\x20-\x7e\t]$/.test(delimiter) && delimiter !== '"') return delimiter;
  throw new InvalidArgumentError("one ASCII character is expected, or tab.");
};

const numberOf = (text: string): number => {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("a whole number from 1 is expected.");
};

/** Imports files of events. */
export const importCommand = new Command("import")
  .description("take over events from files, in the columns of `events`: CSV, JSON or Parquet")
  .argument("<files...>", "files, or - for standard input")
  .addOption(new Option("--format <format>", "what the files hold, whatever their names").choices(formats))
  .option(
    "--delimiter <character>",
    `between the cells of CSV; by default the first of ${csvDelimiters.map((each) => (each === "\t" ? "tab" : each)).join(" ")} that gives a column event_name`,
    delimiterOf,
  )
  .addOption(
    new Option(
      "--extra <what>",
      "columns that events do not have: put them into properties, or leave them out",
    ).choices(["properties", "ignore"]),
  )
  .option("--skip-bad <file>", "put bad rows there, as JSON lines with file, row, reason and data, and take the rest")
  .option("--dry-run", "check and count, and change nothing")
  .option("--source <name>", "what ids are made from in the place of the files' names")
  .option("--piece-events <number>", "events that are sealed at a time", numberOf, pieceMax.events)
  .addHelpText("after", help)
  .action(async (files, options) => {
    await using stack = new AsyncDisposableStack();
    const config = readConfig(process.env);
    const folder = dataFolder(resolve(config.dataDir));
    let server: Reached | undefined;
    const reach = async () => (server ??= stack.use(await reachServer(config, "admin")));
    const spoolFolder = async () => {
      if (options.dryRun === true) return temporaryFolder(stack);
      // The server first: its start removes leftovers from this folder.
      await reach();
      return folder.imports;
    };
    const sources = await sourcesOf(files, { ...options, spoolFolder, stack });
    refuseTwice(sources, options.skipBad);
    const schemas = await schemasOf(config);
    const progress = stack.use(new Progress());
    const reading = (verb: string): ImportOptions => ({
      extra: options.extra ?? "refuse",
      schemas,
      delimiter: options.delimiter,
      skipBadTo: options.skipBad,
      isDryRun: options.dryRun === true,
      onProgress: ({ source, rows, readBytes }) =>
        progress.showNowAndThen({
          done: readBytes,
          total: source.bytes,
          text: `${source.shown}: ${rows} rows ${verb}`,
        }),
    });
    const { rows, bad, misfits } = await checkFiles(sources, reading("checked"));
    if (misfits !== undefined)
      process.stderr.write(
        `${counted(misfits.rows, "row")} with properties that do not fit their schema, which is no fault with MILLRACE_SCHEMA_MODE=warn; the first: ${misfits.first}\n`,
      );
    if (options.dryRun === true) {
      progress.end();
      process.stdout.write(
        `${rows - bad} of ${rows} rows are good${badText(bad, options.skipBad)}; nothing was imported (dry run)\n`,
      );
      return;
    }
    const { post } = await reach();
    const imported = await sealFiles(sources, reading("read again and sealed"), {
      folder,
      pieceEvents: options.pieceEvents,
      send: async (piece) => Number((await post("import", piece))["imported"]),
    });
    progress.end();
    process.stdout.write(`${imported} of ${rows - bad} events imported${restText(rows - bad - imported, imported)}`);
    process.stdout.write(`${bad === 0 ? "" : `; ${counted(bad, "bad row")} in ${options.skipBad}`}\n`);
  });

/** The schemas that rows are checked by. The validator is loaded only where there are any. */
async function schemasOf({ schemas }: Config): Promise<SchemaSet | undefined> {
  if (schemas === undefined) return undefined;
  const { loadSchemas } = await import("../schema/load.ts");
  return loadSchemas(schemas);
}

const counted = (count: number, noun: string) => `${count} ${noun}${count === 1 ? "" : "s"}`;

const badText = (bad: number, skipBadTo: string | undefined) =>
  bad === 0 ? "" : `; ${counted(bad, "bad row")} would go to ${skipBadTo}`;

function restText(rest: number, imported: number): string {
  if (rest === 0) return imported === 0 ? ": there are no rows to import" : "";
  const all = imported === 0 ? "all of them were" : rest === 1 ? "the other one was" : `the other ${rest} were`;
  return `, ${rest === 1 && imported === 0 ? "it was" : all} there already`;
}

type SourceOptions = {
  format?: string | undefined;
  source?: string | undefined;
  spoolFolder: () => Promise<string>;
  stack: AsyncDisposableStack;
};

async function sourcesOf(files: readonly string[], options: SourceOptions): Promise<ImportSource[]> {
  const { spoolFolder, stack, source: name } = options;
  const format = options.format === undefined ? undefined : formatNames[options.format];
  const sources: ImportSource[] = [];
  if (files.filter((file) => file === "-").length > 1) throw new ImportRefused("-: standard input can be given once");
  // Files before streams: a refused file should not wait for the end of standard input.
  const paths = new Map<string, string>();
  for (const shown of files) if (!isStream(shown)) sources.push(importSource({ shown, path: shown, format, name }));
  for (const shown of files) {
    if (!isStream(shown)) continue;
    const bytes = shown === "-" ? process.stdin : createReadStream(shown);
    const spooled = stack.use(await spool(bytes, { shown, folder: await spoolFolder() }));
    paths.set(shown, spooled.path);
    sources.push(importSource({ shown, path: spooled.path, format, name }));
  }
  return sources.sort((a, b) => files.indexOf(a.shown) - files.indexOf(b.shown));
}

/** Whether the input can be read only once. */
function isStream(file: string): boolean {
  if (file === "-") return true;
  const found = statSync(file, { throwIfNoEntry: false });
  return found !== undefined && !found.isFile() && !found.isDirectory();
}

function refuseTwice(sources: readonly ImportSource[], skipBadTo: string | undefined): void {
  for (const [index, source] of sources.entries()) {
    const other = sources.slice(0, index).find(({ state }) => state === source.state);
    if (other !== undefined) throw new ImportRefused(`${source.shown}: is the same file as ${other.shown}`);
    if (skipBadTo !== undefined && resolve(skipBadTo) === resolve(source.path))
      throw new ImportRefused(`${source.shown}: bad rows cannot be put into a file that is read`);
  }
}

function temporaryFolder(stack: AsyncDisposableStack): string {
  const path = mkdtempSync(join(tmpdir(), "millrace-import-"));
  stack.defer(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
