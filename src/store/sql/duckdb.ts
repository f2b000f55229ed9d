/** DuckDB as the service uses it: in memory, with what is sealed attached by path. */
import {
  type DuckDBConnection,
  type DuckDBDataChunk,
  DuckDBInstance,
  type DuckDBMaterializedResult,
  type Json,
} from "@duckdb/node-api";
import { MillraceError } from "../../base/errors.ts";
import { keepFirstMarks } from "./driver-strings.ts";

keepFirstMarks();

/** Limits of one DuckDB instance; past its memory it spills to `spillTo`, or fails where there is none. */
export type DuckDBLimits = { threads: number; memoryMiB: number; spillTo?: string };

/** A query failed after some of its rows had come, and DuckDB does not say why. */
class QueryBrokeOff extends MillraceError {
  override readonly name = "QueryBrokeOff";
}

/** An in-memory DuckDB with one connection; statements run one after another. */
export class DuckDB implements Disposable {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  #isInterrupted = false;

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance;
    this.#connection = connection;
  }

  /** Opens one; times are UTC, and nothing is fetched or spilled outside the limits. */
  static async open(limits: DuckDBLimits): Promise<DuckDB> {
    const instance = await DuckDBInstance.create(":memory:", {
      threads: String(limits.threads),
      memory_limit: `${limits.memoryMiB}MiB`,
      temp_directory: limits.spillTo ?? "",
      autoinstall_known_extensions: "false",
    });
    const connection = await instance.connect();
    await connection.run("SET TimeZone = 'UTC'");
    return new DuckDB(instance, connection);
  }

  /** Runs one statement for its effect. */
  async run(sql: string): Promise<void> {
    await this.#connection.run(sql);
  }

  /** Runs one query and gives its rows as plain values; BIGINT comes as text, so cast what should be a number. */
  async rows(sql: string): Promise<Record<string, Json>[]> {
    const reader = await this.#connection.runAndReadAll(sql);
    return reader.getRowObjectsJson();
  }

  /**
   * Chunks of the rows of one query, as they come, each of at most 2,048 rows. A caller that stops early ends the
   * query. Nothing else may stream: after an error the driver gives the same empty chunk as at the end, and the failure
   * is known only from the transaction around the query, which is aborted then.
   * @throws DuckDB's error, or QueryBrokeOff, also after chunks were given
   */
  async *chunks(sql: string): AsyncGenerator<DuckDBDataChunk> {
    const isOwn = !(await this.#isInTransaction());
    this.#isInterrupted = false;
    if (isOwn) await this.run("BEGIN");
    let isOpen = isOwn;
    try {
      const prepared = await this.#connection.prepare(sql);
      try {
        const result = await prepared.stream();
        for (;;) {
          const chunk = await result.fetchChunk();
          if (chunk === null || chunk.rowCount === 0) break;
          yield chunk;
        }
      } finally {
        prepared.destroySync();
      }
      if (await this.#isAborted()) {
        isOpen = false;
        if (isOwn) await this.run("ROLLBACK");
        throw await this.#failureOf(sql, isOwn);
      }
    } finally {
      // Nothing was written; a failure within, too, leaves no transaction behind.
      if (isOpen) await this.run("ROLLBACK");
    }
  }

  /** Outside a transaction, each statement has a number of its own. */
  async #isInTransaction(): Promise<boolean> {
    const number = async () => (await this.rows("SELECT txid_current() AS number"))[0]?.["number"];
    const before = await number();
    return (await number()) === before;
  }

  async #isAborted(): Promise<boolean> {
    try {
      await this.run("SELECT 1");
      return false;
    } catch {
      // A statement that cannot fail by itself.
      return true;
    }
  }

  /** Why a query broke off: it is run once more, without its rows, since the driver has not kept the error. */
  async #failureOf(sql: string, canRun: boolean): Promise<unknown> {
    if (this.#isInterrupted) return new QueryBrokeOff("INTERRUPT Error: Interrupted!");
    if (!canRun) return new QueryBrokeOff("The query failed after its first rows; its transaction needs a ROLLBACK");
    try {
      await this.run(`EXPLAIN ANALYZE ${sql}`);
    } catch (error) {
      return error;
    }
    return new QueryBrokeOff("The query failed after its first rows, and did not fail when it was run again");
  }

  /**
   * Runs a text of statements and gives the last one's whole result, held in memory: for few rows. Unlike a prepared
   * statement of the driver, it ends for SUMMARIZE, PIVOT and UNPIVOT over `read_duckdb`, which are planned again
   * without end there.
   */
  async result(sql: string): Promise<DuckDBMaterializedResult> {
    return this.#connection.run(sql);
  }

  /** Makes the statement that is running fail, if there is one. */
  interrupt(): void {
    this.#isInterrupted = true;
    this.#connection.interrupt();
  }

  [Symbol.dispose](): void {
    this.#connection.closeSync();
    this.#instance.closeSync();
  }
}
