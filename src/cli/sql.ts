import { availableParallelism, totalmem } from "node:os";
import { extname, join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { ConfigInvalid } from "../base/errors.ts";
import { readConfig } from "../config/config.ts";
import { FolderReader } from "../offline/folder-reader.ts";
import { requireDataFolder } from "../store/folder/layout.ts";
import { dataFolder } from "../store/folder/names.ts";
import { scratchFolder } from "./scratch.ts";
import { helpText, Quit } from "./sql-commands.ts";
import { runPrompt } from "./sql-prompt.ts";
import { type SqlFormat, StatementFailed, sqlFormats } from "./sql-run.ts";
import { SqlSession } from "./sql-session.ts";
import { SqlValues } from "./sql-values.ts";

/** Share of the machine's memory that DuckDB may use: its own default. Past it DuckDB spills to the scratch folder. */
const memoryShare = 0.8;

/** A statement that takes longer is usually a mistake. */
const timeoutDefaultSeconds = 300;

/** Longest time that a timer can wait. */
const timeoutMaxSeconds = 2_000_000;

/** As a name of a file. */
const standardInput = "-";

const collected = (value: string, before: string[]) => [...before, value];

const endings = sqlFormats.map((each) => `.${each}`);

const outEndings = `${endings.slice(0, -1).join(", ")} or ${endings.at(-1)}`;

function secondsOf(text: string): number {
  const seconds = Number(text);
  if (/^\d+(?:\.\d+)?$/.test(text) && seconds <= timeoutMaxSeconds) return seconds;
  throw new InvalidArgumentError(`seconds are expected, from 0 (no limit) to ${timeoutMaxSeconds}.`);
}

/** Runs statements, from the command line, from standard input or at a prompt. */
export const sqlCommand = new Command("sql")
  .description("ask everything accepted so far, in DuckDB's SQL; without a text, a prompt")
  .argument("[text]", "statements, separated by semicolons; default: standard input")
  .addOption(new Option("--format <format>", "default: table on a terminal, csv otherwise").choices(sqlFormats))
  .option("--out <file>", "write the rows of the last statement there; the end of its name tells the format")
  .option("-f, --file <file>", "run the statements of a file, - is standard input; may be repeated", collected, [])
  .option("-p, --param <name=value>", "a value for $name, a list as JSON; may be repeated", collected, [])
  .option("--timeout <seconds>", "longest time of one statement; 0: no limit", secondsOf, timeoutDefaultSeconds)
  .addHelpText(
    "after",
    `
The views and macros of the catalog are there: events, sessions, persons, freshness, top(), timeline(), funnel() and the
others that "SELECT * FROM duckdb_views() WHERE NOT internal" lists. They see what is accepted and not sealed yet, too, and cannot be
written to. DuckDB runs in this process with all its powers: it reads and writes other files, and keeps tables while it runs.
Times are UTC; SET TimeZone changes that for every format. --out without --format wants a name that ends in ${outEndings}.
A file, standard input and the prompt take statements and commands. A failure ends a file, with its name and line.
A value of --param is a string, which takes the type of what it is compared with; -p 'names=["a","b"]' is a list.

${helpText()}`,
  )
  .action(async (given, { file: files, ...options }) => {
    const folder = dataFolder(resolve(readConfig(process.env).dataDir));
    requireDataFolder(folder);
    if (given !== undefined && files.length > 0)
      throw new ConfigInvalid(["-f, --file: a text is given, too; give one of them"]);
    const isPrompt = given === undefined && files.length === 0 && process.stdin.isTTY;
    const format = formatOf(options);
    const values = SqlValues.read(options.param);
    using scratch = scratchFolder(folder);
    const limits = {
      threads: availableParallelism(),
      memoryMiB: Math.floor((totalmem() * memoryShare) / 2 ** 20),
      spillTo: join(scratch.path, "spill"),
    };
    using reader = await FolderReader.open({ folder, scratch: scratch.path, limits });
    await reader.duckdb.run("SET autoinstall_known_extensions = true");
    const output = { format, file: options.out, scratch: scratch.path, timeoutSeconds: options.timeout };
    const session = new SqlSession(reader, { output, values });
    if (isPrompt) return await runPrompt(session);
    try {
      if (given !== undefined) await session.run({ text: given, name: undefined, isKept: true });
      else await runFiles(session, files.length === 0 ? [standardInput] : files);
    } catch (error) {
      if (error instanceof Quit) return;
      throw error;
    }
    if (values.unused.length > 0)
      throw new StatementFailed(
        `--param ${values.unused.join(", ")}: no statement has ${values.unused.map((name) => `$${name}`).join(", ")}`,
      );
  });

/** Files in their order; rows of the last statement of the last one go to `--out`. */
async function runFiles(session: SqlSession, files: readonly string[]): Promise<void> {
  for (const [index, file] of files.entries()) {
    const isKept = index === files.length - 1;
    if (file !== standardInput) await session.runFile(file, isKept);
    else await session.run({ text: await text(process.stdin), name: "standard input", isKept });
  }
}

function formatOf({ format, out }: { format?: SqlFormat | undefined; out?: string | undefined }): SqlFormat {
  const named = sqlFormats.find((each) => out !== undefined && extname(out).toLowerCase() === `.${each}`);
  if (out !== undefined && format === undefined && named === undefined)
    throw new ConfigInvalid([`--out ${out}: the name must end in ${outEndings}, or --format must tell the format`]);
  const chosen = format ?? named ?? (process.stdout.isTTY && out === undefined ? "table" : "csv");
  if (chosen === "parquet" && out === undefined && process.stdout.isTTY)
    throw new ConfigInvalid(["--format parquet: is not for a terminal; add --out FILE"]);
  return chosen;
}
