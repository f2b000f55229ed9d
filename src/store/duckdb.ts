/** DuckDB as the service uses it: in memory, with what is sealed attached by path. */
import {
  type DuckDBConnection,
  DuckDBInstance,
  type DuckDBPreparedStatement,
  type DuckDBResult,
  type Json,
} from "@duckdb/node-api";

/** Limits of one DuckDB instance; past its memory it spills to `spillTo`, or fails where there is none. */
export type DuckDBLimits = { threads: number; memoryMiB: number; spillTo?: string };

/** An in-memory DuckDB with one connection; statements run one after another. */
export class DuckDB implements Disposable {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;

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
   * Runs a text of any number of statements, each when the caller asks for its result. Rows are taken from a result as they
   * come, and before the next one is asked for.
   */
  async *results(sql: string): AsyncGenerator<DuckDBResult> {
    const statements = await this.#connection.extractStatements(sql);
    for (let index = 0; index < statements.count; index++) {
      const prepared = await statements.prepare(index);
      try {
        yield await prepared.stream();
      } finally {
        prepared.destroySync();
      }
    }
  }

  /** Makes the statement that is running fail, if there is one. */
  interrupt(): void {
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
