/** DuckDB as the service uses it: in memory, with sealed files attached by path. */
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

/** Limits of one DuckDB instance; beyond its memory it spills to `spillTo`, or fails if that is not given. */
export type DuckDBLimits = {
  threads: number;
  memoryMiB: number;
  spillTo?: string;
  spillMiB?: number | undefined;
};

/** A query failed after some of its rows were returned, and DuckDB does not say why. */
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

  /** Opens one. Times are UTC; no extension is installed by itself, and it spills only to `spillTo`. */
  static async open(limits: DuckDBLimits): Promise<DuckDB> {
    const instance = await DuckDBInstance.create(":memory:", {
      threads: String(limits.threads),
      memory_limit: `${limits.memoryMiB}MiB`,
      temp_directory: limits.spillTo ?? "",
      ...(limits.spillMiB === undefined ? {} : { max_temp_directory_size: `${limits.spillMiB}MiB` }),
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

  /** Runs statements for their effect, in order, in one call: a call for each costs 0.1 ms more. */
  async script(statements: readonly string[]): Promise<void> {
    if (statements.length > 0) await this.#connection.run(statements.join(";\n"));
  }

  /**
   * Runs what `work` does as one transaction, and rolls it back if that fails.
   * @throws what `work` throws, or DuckDB's error of the commit
   */
  async inTransaction(work: () => Promise<void>): Promise<void> {
    await this.run("BEGIN");
    try {
      await work();
      await this.run("COMMIT");
    } catch (error) {
      // DuckDB has rolled back already if it was the commit that failed. Its second error would hide the first.
      await this.run("ROLLBACK").catch(() => undefined);
      throw error;
    }
  }

  /**
   * Runs one query and returns its rows as plain values. BIGINT becomes a string: cast what should be a number. A
   * column may have any name: the driver's own objects lose one that is called `__proto__`.
   */
  async rows(sql: string): Promise<Record<string, Json>[]> {
    const reader = await this.#connection.runAndReadAll(sql);
    const names = reader.deduplicatedColumnNames();
    return reader.getRowsJson().map((row) => Object.fromEntries(row.map((value, at) => [names[at] ?? "", value])));
  }

  /**
   * Streams the rows of one query in chunks of at most 2,048 rows. A caller that stops early ends the query. Nothing
   * else may stream: after an error the driver returns the same empty chunk as at the end, and only the transaction
   * around the query, which is then aborted, shows the failure.
   * @throws DuckDB's error, or QueryBrokeOff, possibly after some chunks
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
      // Nothing was written, so a rollback is right; a failure leaves no transaction open either.
      if (isOpen) await this.run("ROLLBACK");
    }
  }

  /** Outside a transaction, each statement has a transaction id of its own. */
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
      // This statement fails only in an aborted transaction.
      return true;
    }
  }

  /** Why a query broke off. It is run again without returning rows, because the driver does not keep the error. */
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
   * Runs a string of statements and returns the whole result of the last one, held in memory: for few rows. It also
   * works for SUMMARIZE, PIVOT and UNPIVOT over `read_duckdb`, which the driver's prepared statements plan again
   * forever.
   */
  async result(sql: string): Promise<DuckDBMaterializedResult> {
    return this.#connection.run(sql);
  }

  /** Makes the running statement fail, if there is one. */
  interrupt(): void {
    this.#isInterrupted = true;
    this.#connection.interrupt();
  }

  [Symbol.dispose](): void {
    this.#connection.closeSync();
    this.#instance.closeSync();
  }
}
