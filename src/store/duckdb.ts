/** DuckDB as the service uses it: in memory, with what is sealed attached by path. */
import {
  type DuckDBConnection,
  type DuckDBDataChunk,
  DuckDBInstance,
  type DuckDBPreparedStatement,
  type DuckDBResult,
  type DuckDBType,
  type Json,
  ResultReturnType,
  StatementType,
} from "@duckdb/node-api";
import { MillraceError } from "../base/errors.ts";

/** Limits of one DuckDB instance; past its memory it spills to `spillTo`, or fails where there is none. */
export type DuckDBLimits = { threads: number; memoryMiB: number; spillTo?: string };

/** A query failed after some of its rows had come, and DuckDB does not say why. */
class QueryBrokeOff extends MillraceError {
  override readonly name = "QueryBrokeOff";
}

/** What a query gives; its chunks must be taken, or given up, before the next statement. */
export type Streamed = {
  names: readonly string[];
  types: readonly DuckDBType[];
  chunks: AsyncGenerator<DuckDBDataChunk>;
};

/** What a statement gives that has rows. */
export type StatementResult = Streamed & { statementType: StatementType };

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
   * Chunks of the rows of one query, as they come, each of at most 2,048 rows. A caller that stops early ends the query.
   * Nothing else may stream: after an error the driver gives the same empty chunk as at the end, and the failure is known only
   * from the transaction around the query, which is aborted then.
   * @throws DuckDB's error, or QueryBrokeOff, also after chunks were given
   */
  async *chunks(sql: string): AsyncGenerator<DuckDBDataChunk> {
    const prepared = await this.#connection.prepare(sql);
    try {
      yield* (await this.streamed(prepared, sql)).chunks;
    } finally {
      prepared.destroySync();
    }
  }

  /** Like `chunks`, of a prepared query with its parameters; `sql` is its text. */
  async streamed(prepared: DuckDBPreparedStatement, sql: string): Promise<Streamed> {
    const isOwn = !(await this.#isInTransaction());
    this.#isInterrupted = false;
    if (isOwn) await this.run("BEGIN");
    try {
      const result = await prepared.stream();
      return { names: result.columnNames(), types: result.columnTypes(), chunks: this.#drained(result, sql, isOwn) };
    } catch (error) {
      if (isOwn) await this.run("ROLLBACK");
      throw error;
    }
  }

  async *#drained(result: DuckDBResult, sql: string, isOwn: boolean): AsyncGenerator<DuckDBDataChunk> {
    let isOpen = isOwn;
    try {
      for (;;) {
        const chunk = await result.fetchChunk();
        if (chunk === null || chunk.rowCount === 0) break;
        yield chunk;
      }
      if (await this.#isAborted()) {
        if (isOwn) await this.run("ROLLBACK");
        isOpen = false;
        throw await this.#failureOf(sql, isOwn);
      }
    } finally {
      if (isOpen) await this.run("COMMIT");
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
   * Runs a text of any number of statements, each when the caller asks for its result. Rows are taken from a result as they
   * come, and before the next one is asked for.
   */
  async *results(sql: string): AsyncGenerator<StatementResult> {
    const statements = await this.#connection.extractStatements(sql);
    for (let index = 0; index < statements.count; index++) {
      const prepared = await statements.prepare(index);
      try {
        const { statementType } = prepared;
        if (statementType === StatementType.SELECT) {
          yield { statementType, ...(await this.streamed(prepared, sql)) };
          continue;
        }
        const result = await prepared.run();
        if (result.returnType !== ResultReturnType.QUERY_RESULT) continue;
        const names = result.columnNames();
        yield { statementType, names, types: result.columnTypes(), chunks: allOf(result) };
      } finally {
        prepared.destroySync();
      }
    }
  }

  /** Makes the statement that is running fail, if there is one. */
  interrupt(): void {
    this.#isInterrupted = true;
    this.#connection.interrupt();
  }

  /** Prepares one statement, to be given parameters and run once its rows can be taken. */
  async prepare(sql: string): Promise<DuckDBPreparedStatement> {
    return this.#connection.prepare(sql);
  }

  [Symbol.dispose](): void {
    this.#connection.closeSync();
    this.#instance.closeSync();
  }
}

async function* allOf(result: DuckDBResult): AsyncGenerator<DuckDBDataChunk> {
  yield* await result.fetchAllChunks();
}
