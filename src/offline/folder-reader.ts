/**
 * A data folder as a database of this process's own: the catalog's views and macros over everything accepted, sealed or
 * not.
 */
import { join } from "node:path";
import { type FolderView, viewFolder } from "../store/catalog/folder-view.ts";
import { catalogStatements } from "../store/catalog/views.ts";
import { requireKnownFormat } from "../store/folder/format-mark.ts";
import type { DataFolder } from "../store/folder/names.ts";
import { DuckDB, type DuckDBLimits } from "../store/sql/duckdb.ts";
import { duckdbFailureOf } from "../store/sql/failures.ts";
import { literal } from "../store/sql/literals.ts";

/** Merges come minutes apart: whoever loses a file to one so often has another trouble. */
const triesMax = 5;

/**
 * Does again what failed because a file was replaced and gone between a look at the folder and its reading; the work
 * begins with a look.
 */
export async function retriedWhileGone<Answer>(work: () => Promise<Answer>): Promise<Answer> {
  for (let tries = 1; ; tries++)
    try {
      return await work();
    } catch (error) {
      if (tries === triesMax || duckdbFailureOf(error) !== "gone") throw error;
    }
}

/** Where the views are; `memory`, which comes first in the search path, is left to whoever asks. */
const viewsDatabase = "millrace";

/** A DuckDB in memory that sees a data folder, with or without a service on it. */
export class FolderReader implements Disposable {
  /** For statements of any kind. */
  readonly duckdb: DuckDB;
  readonly #folder: DataFolder;
  readonly #scratch: string;
  #view: FolderView | undefined;

  private constructor(duckdb: DuckDB, folder: DataFolder, scratch: string) {
    this.duckdb = duckdb;
    this.#folder = folder;
    this.#scratch = scratch;
  }

  /**
   * Opens one and looks at the folder; `scratch` is a private folder of the caller.
   * @throws the system's or DuckDB's error
   */
  static async open(options: { folder: DataFolder; scratch: string; limits: DuckDBLimits }): Promise<FolderReader> {
    requireKnownFormat(options.folder);
    const reader = new FolderReader(await DuckDB.open(options.limits), options.folder, options.scratch);
    try {
      await reader.duckdb.run(`ATTACH ':memory:' AS ${viewsDatabase}`);
      await reader.duckdb.run(`SET search_path = ${literal(`memory,${viewsDatabase}`)}`);
      await reader.refresh();
      return reader;
    } catch (error) {
      reader[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Looks at the folder again: from now on, statements see everything accepted before this call. What statements made
   * (tables, variables, settings) stays. Not inside a transaction.
   */
  async refresh(): Promise<void> {
    await retriedWhileGone(() => this.#look());
  }

  /** Paths of the current segments, as of the last look. */
  get segments(): string[] {
    return (this.#view?.content.segments ?? []).map(({ file }) => join(this.#folder.segments, file));
  }

  async #look(): Promise<void> {
    const { duckdb } = this;
    this.#view?.[Symbol.dispose]();
    this.#view = viewFolder(this.#folder, this.#scratch);
    const [before] = await duckdb.rows("SELECT current_setting('search_path') AS path");
    try {
      await duckdb.run("USE memory");
      await duckdb.run(`DETACH ${viewsDatabase}`);
      await duckdb.run(`ATTACH ':memory:' AS ${viewsDatabase}`);
      await duckdb.run(`USE ${viewsDatabase}`);
      for (const statement of catalogStatements(this.#view.content)) await duckdb.run(statement);
    } finally {
      await duckdb.run(`SET search_path = ${literal(String(before?.["path"]))}`);
    }
  }

  [Symbol.dispose](): void {
    this.#view?.[Symbol.dispose]();
    this.duckdb[Symbol.dispose]();
  }
}
