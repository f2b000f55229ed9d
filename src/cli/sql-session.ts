/** Scripts of statements and dot commands, run one after the other: what the prompt, files and arguments share. */
import { readFileSync } from "node:fs";
import { codeOf, messageOf } from "../base/errors.ts";
import type { FolderReader } from "../offline/folder-reader.ts";
import { type CommandSession, Quit, runCommand } from "./sql-commands.ts";
import { type Piece, piecesOf } from "./sql-pieces.ts";
import { runStatement, type SqlOutput, StatementFailed } from "./sql-run.ts";
import type { SqlValues } from "./sql-values.ts";

/** Files that read files that read files, and so on: deeper than anybody writes, and less than a stack. */
const depthMax = 16;

/** A script; `name` is its file's, for messages. Rows of its last statement go to the output's file, if `isKept`. */
type Script = { text: string; name: string | undefined; isKept: boolean };

/** A statement or a command of a named script failed; the message begins with the script's name and the line. */
class ScriptFailed extends StatementFailed {}

/** Runs scripts on a folder, with what they set: format, timer, transaction. */
export class SqlSession implements CommandSession {
  readonly reader: FolderReader;
  output: SqlOutput;
  isTimed = false;
  /** Whether a transaction is open. Inside one, the data is not refreshed. */
  isInTransaction = false;
  readonly #values: SqlValues;
  #depth = 0;
  /** Whether rows of the current piece go to the output's file, if there is one. */
  #isKept = true;

  constructor(reader: FolderReader, { output, values }: { output: SqlOutput; values: SqlValues }) {
    this.reader = reader;
    this.output = output;
    this.#values = values;
  }

  /**
   * Runs a script up to its first failure; what comes before takes effect, and its rows are written.
   * @throws StatementFailed; Quit when it asks for the end, or nobody reads the output any more
   */
  async run({ text, name, isKept }: Script): Promise<void> {
    let piece: Piece | undefined;
    // One piece ahead, to know which is the last.
    for (const next of piecesOf(text)) {
      if (piece !== undefined) await this.#runPiece(piece, { name, isKept: false });
      piece = next;
    }
    if (piece !== undefined) await this.#runPiece(piece, { name, isKept });
  }

  async #runPiece({ kind, text, line }: Piece, { name, isKept }: Omit<Script, "text">): Promise<void> {
    this.#isKept = isKept;
    try {
      if (kind === "command") await runCommand(this, text);
      else await this.runStatement(text);
    } catch (error) {
      if (codeOf(error) === "EPIPE") throw new Quit();
      if (name === undefined || !(error instanceof StatementFailed) || error instanceof ScriptFailed) throw error;
      throw new ScriptFailed(`${name}:${line}: ${error.message}`, { cause: error });
    }
  }

  /**
   * Runs one statement.
   * @throws StatementFailed; Quit when nobody reads the output any more
   */
  async runStatement(statement: string): Promise<void> {
    const startedMs = performance.now();
    const running = { output: this.output, isKept: this.#isKept };
    const isRead = await runStatement(this.reader.duckdb, this.#values.fill(statement), running);
    if (!isRead) throw new Quit();
    this.isInTransaction = transactionAfter(statement, this.isInTransaction);
    if (this.isTimed)
      process.stderr.write(`Run Time (s): real ${((performance.now() - startedMs) / 1_000).toFixed(3)}\n`);
  }

  /**
   * Runs a file, whose name is as a person gives it: from the current folder.
   * @throws StatementFailed; Quit
   */
  async runFile(path: string, isKept = this.#isKept): Promise<void> {
    if (this.#depth >= depthMax) throw new StatementFailed(`.read ${path}: files read each other, ${depthMax} deep`);
    this.#depth += 1;
    try {
      await this.run({ text: readScript(path), name: path, isKept });
    } finally {
      this.#depth -= 1;
    }
  }
}

function readScript(path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    throw new StatementFailed(`${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

/** Whether a transaction is open after a statement. */
function transactionAfter(statement: string, before: boolean): boolean {
  return /^(?:begin|start|commit|end|rollback|abort)\b/i.test(statement)
    ? /^(?:begin|start)\b/i.test(statement)
    : before;
}
