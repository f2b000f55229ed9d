/**
 * A data folder as a database in this process: the catalog's views and macros over everything accepted, sealed or not.
 */
import { join } from "node:path";
import { type FolderView, viewFolder } from "../store/catalog/folder-view.ts";
import { type CatalogContent, catalogStatements, statementsBetween } from "../store/catalog/views.ts";
import { requireKnownFormat } from "../store/folder/format-mark.ts";
import type { DataFolder } from "../store/folder/names.ts";
import { DuckDB, type DuckDBLimits } from "../store/sql/duckdb.ts";
import { duckdbFailureOf } from "../store/sql/failures.ts";
import { literal } from "../store/sql/literals.ts";

/** Merges are minutes apart, so this many failures in a row have another cause. */
const triesMax = 5;

/**
 * Retries work that failed because a file was replaced and removed after the folder was listed. The work begins by
 * listing the folder.
 */
export async function retriedWhileGone<Answer>(work: () => Promise<Answer>): Promise<Answer> {
  for (let tries = 1; ; tries++)
    try {
      return await work();
    } catch (error) {
      if (tries === triesMax || duckdbFailureOf(error) !== "gone") throw error;
    }
}

/** The database that holds the views; `memory`, which comes first in the search path, is left to the caller. */
const viewsDatabase = "millrace";

/** Which folder to read, and how. */
type ReaderOptions = {
  folder: DataFolder;
  /** A private folder of the caller. */
  scratch: string;
  /**
   * The caller's statements change none of the views and macros, so that listing the folder again makes only those that
   * show something else. Default: they may, and all are made again.
   */
  isReadOnly?: boolean;
};

/** An in-memory DuckDB with a view of a data folder, with or without a service on it. */
export class FolderReader implements Disposable {
  /** For statements of any kind. */
  readonly duckdb: DuckDB;
  readonly #folder: DataFolder;
  readonly #scratch: string;
  readonly #isReadOnly: boolean;
  #view: FolderView | undefined;
  /** What the views show, if nothing but this class has changed them. */
  #shown: CatalogContent | undefined;

  private constructor(duckdb: DuckDB, { folder, scratch, isReadOnly = false }: ReaderOptions) {
    this.duckdb = duckdb;
    this.#folder = folder;
    this.#scratch = scratch;
    this.#isReadOnly = isReadOnly;
  }

  /**
   * Opens one and lists the folder.
   * @throws DataFolderRefused when the folder has a later format; the system's or DuckDB's error
   */
  static async open(options: ReaderOptions & { limits: DuckDBLimits }): Promise<FolderReader> {
    requireKnownFormat(options.folder);
    const reader = new FolderReader(await DuckDB.open(options.limits), options);
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
   * Lists the folder again: from now on, statements see everything accepted before this call. What earlier statements
   * made (tables, variables, settings) stays. Not inside a transaction.
   */
  async refresh(): Promise<void> {
    await retriedWhileGone(() => this.#look());
  }

  /** Paths of the current segments, as of the last listing. */
  get segments(): string[] {
    return (this.#view?.content.segments ?? []).map(({ file }) => join(this.#folder.segments, file));
  }

  async #look(): Promise<void> {
    const { duckdb } = this;
    this.#view?.[Symbol.dispose]();
    this.#view = viewFolder(this.#folder, this.#scratch);
    const { content } = this.#view;
    const shown = this.#shown;
    this.#shown = undefined;
    const [before] = await duckdb.rows("SELECT current_setting('search_path') AS path");
    try {
      if (shown === undefined) {
        await duckdb.run("USE memory");
        await duckdb.run(`DETACH ${viewsDatabase}`);
        await duckdb.run(`ATTACH ':memory:' AS ${viewsDatabase}`);
      }
      await duckdb.run(`USE ${viewsDatabase}`);
      await duckdb.script(shown === undefined ? catalogStatements(content) : statementsBetween(shown, content));
    } finally {
      await duckdb.run(`SET search_path = ${literal(String(before?.["path"]))}`);
    }
    if (this.#isReadOnly) this.#shown = content;
  }

  [Symbol.dispose](): void {
    this.#view?.[Symbol.dispose]();
    this.duckdb[Symbol.dispose]();
  }
}
