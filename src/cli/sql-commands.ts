/** The dot commands of `millrace sql`, at the prompt and in files: those of the shells of DuckDB and SQLite. */
import type { FolderReader } from "../offline/folder-reader.ts";
import { catalogMacros } from "../store/catalog/questions/questions.ts";
import { listLiteral, literal } from "../store/sql/literals.ts";
import { type SqlFormat, type SqlOutput, StatementFailed, sqlFormats, writeText } from "./sql-run.ts";

/** What a command may do to the session it is given in. */
export type CommandSession = {
  readonly reader: FolderReader;
  output: SqlOutput;
  isTimed: boolean;
  /** Runs a statement, and writes its rows. */
  runStatement(statement: string): Promise<void>;
  /** Runs a file. */
  runFile(path: string): Promise<void>;
};

type DotCommand = {
  usage: string;
  what: string;
  run: (session: CommandSession, argument: string | undefined) => void | Promise<void>;
};

/** Ends the session. */
export class Quit extends Error {
  override readonly name = "Quit";
}

const tablesQuery = `
  SELECT name, kind, split_part(comment, ' Example: ', 1) AS comment FROM (
    SELECT table_name AS name, 'table' AS kind, comment FROM duckdb_tables() WHERE NOT internal
    UNION ALL SELECT view_name, 'view', comment FROM duckdb_views() WHERE NOT internal
    UNION ALL SELECT function_name || '(' || array_to_string(parameters, ', ') || ')', 'macro', comment
      FROM duckdb_functions() WHERE NOT internal
  ) ORDER BY kind DESC, name`;

const commands: Readonly<Record<string, DotCommand>> = {
  ".help": {
    usage: ".help",
    what: "this text",
    run: () => writeText(helpText()),
  },
  ".mode": {
    usage: ".mode [MODE]",
    what: `how rows are written: ${sqlFormats.join(", ")}; alone: how they are now`,
    run: async (session, mode) => {
      if (mode === undefined) return await writeText(`${session.output.format}\n`);
      const format = sqlFormats.find((each) => each === mode);
      if (format === undefined) throw new StatementFailed(`.mode ${mode}: there are ${sqlFormats.join(", ")}`);
      requireNoTerminal(format, session.output.file);
      session.output = { ...session.output, format };
    },
  },
  ".quit": {
    usage: ".quit",
    what: "ends, as Ctrl-D does; Ctrl-C ends a statement that runs, or drops what was typed",
    run: () => {
      throw new Quit();
    },
  },
  ".read": {
    usage: ".read FILE",
    what: "runs the statements and commands of a file",
    run: async (session, file) => {
      if (file === undefined) throw new StatementFailed(".read: needs the name of a file");
      await session.runFile(file);
    },
  },
  ".schema": {
    usage: ".schema [NAME]",
    what: "columns with their types and meanings, of all or of one table, view or macro",
    run: async ({ reader }, name) => await writeText(await schemaText(reader, name)),
  },
  ".tables": {
    usage: ".tables",
    what: "tables, views and macros, with what they are for",
    run: (session) => session.runStatement(tablesQuery),
  },
  ".timer": {
    usage: ".timer on|off",
    what: "whether the time of each statement is told, on standard error",
    run: (session, given) => {
      if (given !== "on" && given !== "off") throw new StatementFailed(".timer: on or off is expected");
      session.isTimed = given === "on";
    },
  },
};

/** Names of the commands. */
export const commandNames = Object.keys(commands);

/** What `.exit` means, too. */
const aliases: Readonly<Record<string, string>> = { ".exit": ".quit" };

/**
 * Runs a dot command.
 * @throws StatementFailed when it is unknown or cannot be done; Quit
 */
export async function runCommand(session: CommandSession, text: string): Promise<void> {
  const [name = "", ...more] = argumentsOf(text);
  const command = commands[aliases[name.toLowerCase()] ?? name.toLowerCase()];
  if (command === undefined)
    throw new StatementFailed(`${name}: there is no such command; there are ${commandNames.join(", ")}`);
  if (more.length > (command.usage.includes(" ") ? 1 : 0))
    throw new StatementFailed(`${text}: too many arguments; it is ${command.usage}`);
  await command.run(session, more[0]);
}

/** Words, of which each may be in quotes. A semicolon at the end means nothing. */
const argumentsOf = (text: string) =>
  [...text.replace(/\s*;?\s*$/, "").matchAll(/"([^"]*)"|'([^']*)'|\S+/g)].map(
    ([word, double, single]) => double ?? single ?? word,
  );

/** The commands, one a line. */
export function helpText(): string {
  const width = Math.max(...Object.values(commands).map(({ usage }) => usage.length));
  const lines = Object.values(commands).map(({ usage, what }) => `${usage.padEnd(width)}  ${what}\n`);
  return `Statements end with a semicolon, and may take several lines. A command is a line of its own.
At the prompt each statement sees everything accepted until then, Tab completes names, and the arrows walk through
what was typed before.
${lines.join("")}`;
}

/**
 * Checks that rows of this format may go where they would.
 * @throws StatementFailed for bytes on a terminal
 */
function requireNoTerminal(format: SqlFormat, file: string | undefined): void {
  if (format === "parquet" && file === undefined && process.stdout.isTTY)
    throw new StatementFailed("parquet is not for a terminal; add --out FILE");
}

/**
 * SQL expression: the parameters of a macro of the catalog with their defaults, which DuckDB does not list. NULL for
 * any other, and for one of its name with other parameters.
 */
const defaultsQuery = `CASE ${catalogMacros
  .flatMap((item) => (item.kind === "macro" ? [item] : []))
  .map(({ name, parameters, defaults = {} }) => {
    const all = [...parameters, ...Object.keys(defaults)];
    const shown = [...parameters, ...Object.entries(defaults).map(([given, sql]) => `${given} := ${sql}`)];
    return `WHEN function_name = ${literal(name)} AND parameters::VARCHAR[] = ${listLiteral(all)}
      THEN ${literal(shown.join(", "))}`;
  })
  .join(" ")} END`;

/** Each table, view and macro in the form of a CREATE, with what its comments tell. */
async function schemaText({ duckdb }: FolderReader, name: string | undefined): Promise<string> {
  const only = (column: string) => (name === undefined ? "" : `AND lower(${column}) = lower(${literal(name)})`);
  const rows = await duckdb.rows(`
    WITH kinds AS (
      SELECT database_name, table_name AS name, 'TABLE' AS kind, comment FROM duckdb_tables() WHERE NOT internal
      UNION ALL SELECT database_name, view_name, 'VIEW', comment FROM duckdb_views() WHERE NOT internal
    ), columns AS (
      SELECT database_name, table_name AS name, list({'name': column_name, 'type': data_type, 'comment': comment} ORDER BY column_index) AS columns
      FROM duckdb_columns() WHERE NOT internal GROUP BY ALL
    )
    SELECT kind, name, comment AS meaning, array_to_string(list_transform(columns, lambda each, place:
      '  ' || each.name || ' ' || each.type || CASE WHEN place < len(columns) THEN ',' ELSE '' END ||
      coalesce(' -- ' || split_part(each.comment, ' Example: ', 1), '')), chr(10)) AS body
    FROM kinds JOIN columns USING (database_name, name) WHERE true ${only("name")}
    UNION ALL
    SELECT 'MACRO', function_name, comment, coalesce(${defaultsQuery}, array_to_string(parameters, ', '))
    FROM duckdb_functions() WHERE NOT internal ${only("function_name")} ORDER BY ALL`);
  if (rows.length === 0 && name !== undefined)
    throw new StatementFailed(`.schema ${name}: there is no such table, view or macro; .tables tells which there are`);
  return rows
    .map((row) => {
      const { kind, meaning } = row;
      const [name, body] = [String(row["name"]), String(row["body"])];
      const told = meaning === null ? "" : `-- ${String(meaning).replace(" Example: ", "\n-- Example: ")}\n`;
      return kind === "MACRO"
        ? `${told}CREATE MACRO ${name}(${body});\n`
        : `${told}CREATE ${String(kind)} ${name} (\n${body}\n);\n`;
    })
    .join("\n");
}
