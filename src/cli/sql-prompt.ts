/** The prompt of `millrace sql`, on node:readline, which knows history, completion and editing. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { codeOf, messageOf } from "../base/errors.ts";
import type { FolderReader } from "../offline/folder-reader.ts";
import { splitStatements } from "../query/sql-text.ts";
import { commandNames, Quit } from "./sql-commands.ts";
import { StatementFailed } from "./sql-run.ts";
import type { SqlSession } from "./sql-session.ts";

const prompts = { first: "millrace> ", more: "      ..> " } as const;

const interruptEveryMs = 20;

/** Lines of history to keep. */
const historyMax = 1_000;

const keywords =
  "select from where group order by having limit join left using on and or not as distinct count sum avg min max between interval summarize describe".split(
    " ",
  );

/** Reads statements and runs them until the user quits. */
export async function runPrompt(session: SqlSession): Promise<void> {
  const { reader } = session;
  let names = await namesOf(reader);
  let typed = "";
  let isRunning = false;
  // Lines may arrive while earlier ones still run. Each has a number, and Ctrl-C drops all lines up to that moment.
  const lines = { came: 0, done: 0, dropped: 0 };
  let isClosed = false;
  let interrupting = Promise.resolve();
  const readline = createInterface({
    input: process.stdin,
    output: process.stdout,
    terminal: true,
    prompt: prompts.first,
    history: readHistory(),
    historySize: historyMax,
    removeHistoryDuplicates: true,
    completer: (line: string) => completions(line, names),
  });
  const ended = Promise.withResolvers<void>();
  const ask = () => {
    if (isClosed) return;
    readline.setPrompt(typed === "" ? prompts.first : prompts.more);
    readline.prompt();
  };

  async function run(text: string, line: number): Promise<void> {
    try {
      if (!session.isInTransaction) await reader.refresh();
      if (line > lines.dropped) {
        isRunning = true;
        await session.run({ text, name: undefined, isKept: true });
      }
    } catch (error) {
      if (error instanceof Quit) return readline.close();
      if (!(error instanceof StatementFailed)) throw error;
      process.stderr.write(`${messageOf(error)}\n`);
    } finally {
      isRunning = false;
    }
    names = await namesOf(reader);
  }

  /** Interrupts repeatedly: DuckDB ignores an interrupt that comes just before a statement. */
  async function interrupt(): Promise<void> {
    while (isRunning) {
      reader.duckdb.interrupt();
      await Bun.sleep(interruptEveryMs);
    }
  }

  async function take(line: string, number: number): Promise<void> {
    if (number <= lines.dropped) typed = "";
    else if (typed === "" && isCommand(line)) await run(line.replace(/^\s*(?=[a-z])/i, "."), number);
    else {
      typed += `${line}\n`;
      const { statements, rest } = splitStatements(typed);
      if (statements.length > 0) {
        const whole = rest === "" ? typed : typed.slice(0, typed.lastIndexOf(rest));
        typed = rest === "" ? "" : `${rest}\n`;
        await run(whole, number);
      } else if (rest === "") typed = "";
    }
    lines.done = number;
    ask();
  }

  let queue = Promise.resolve();
  readline.on("line", (line) => {
    const number = ++lines.came;
    queue = queue.then(() => take(line, number)).catch(ended.reject);
  });
  readline.on("SIGINT", () => {
    lines.dropped = lines.came;
    if (lines.done < lines.came) {
      interrupting = interrupt();
      return;
    }
    typed = "";
    // Moves to the end of the line and deletes everything before it.
    readline.write(null, { ctrl: true, name: "e" });
    readline.write(null, { ctrl: true, name: "u" });
    process.stdout.write("\n");
    ask();
  });
  readline.on("history", keepHistory);
  readline.on("close", () => {
    isClosed = true;
    process.stdout.write("\n");
    queue.then(() => interrupting).then(ended.resolve);
  });
  ask();
  await ended.promise;
}

/** A command begins with a dot or is one of these words; no SQL statement does. */
const isCommand = (line: string) => /^\s*(?:\.(?!\d)|(?:quit|exit|help)\s*;?\s*$)/i.test(line);

/** Names for completion: views, tables, their columns, macros, and a few SQL keywords. */
async function namesOf(reader: FolderReader): Promise<string[]> {
  const rows = await reader.duckdb.rows(
    `SELECT table_name AS name FROM duckdb_columns() WHERE NOT internal
     UNION SELECT column_name FROM duckdb_columns() WHERE NOT internal
     UNION SELECT function_name || '(' FROM duckdb_functions() WHERE NOT internal ORDER BY name`,
  );
  return [...rows.map(({ name }) => String(name)), ...keywords];
}

/** Completions for the last word of the line, and that word, as readline expects them. */
function completions(line: string, names: readonly string[]): [string[], string] {
  if (/^\s*\.\w*$/.test(line)) return [commandNames.filter((name) => name.startsWith(line.trim())), line.trim()];
  const word = /\w*$/.exec(line)?.[0] ?? "";
  return [word === "" ? [] : names.filter((name) => name.startsWith(word.toLowerCase())), word];
}

/** In the user's own folder, because a person's queries do not belong in the data folder. */
const historyPath = () =>
  join(process.env["XDG_STATE_HOME"] || join(homedir(), ".local", "state"), "millrace", "sql_history");

/** Newest first, as readline has it; the file has the oldest first. */
function readHistory(): string[] {
  try {
    return readFileSync(historyPath(), "utf8").split("\n").filter(Boolean).reverse();
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return [];
  }
}

/** Writes the history. A failure is ignored: it must not stop the prompt. */
function keepHistory(history: readonly string[]): void {
  try {
    mkdirSync(dirname(historyPath()), { recursive: true, mode: 0o700 });
    writeFileSync(historyPath(), `${[...history].reverse().join("\n")}\n`, { mode: 0o600 });
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
  }
}
