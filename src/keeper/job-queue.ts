/** A DuckDB with its jobs, one after another: they share a connection. */
import { lacksDescriptors } from "../base/descriptors.ts";
import { lowerPoolPriority } from "../base/priority.ts";
import type { DuckDB, DuckDBLimits } from "../store/sql/duckdb.ts";
import { type DuckDBAccess, openLockedDuckDB } from "../store/sql/lock-duckdb.ts";

/**
 * Flushes use a core in bursts of 100 ms, and whoever waits for an answer waits for no burst: at half load p99 is a
 * quarter lower so. A tenth of the weight of a thread that answers, so that a flush still goes on when those never
 * rest; should it fall behind, shards wait for it.
 */
const poolNice = 10;

/** Jobs that wait for each other, and for nobody else. */
export class JobQueue {
  readonly #limits: DuckDBLimits;
  readonly #access: DuckDBAccess;
  #duckdb: Promise<DuckDB> | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #jobs = 0;

  /** Each DuckDB that it opens, the first and those after a failure, is locked to `access`. */
  constructor(limits: DuckDBLimits, access: DuckDBAccess) {
    this.#limits = limits;
    this.#access = access;
  }

  /** Jobs that run or wait. */
  get jobs(): number {
    return this.#jobs;
  }

  /** Runs a job after those before it, however they ended. */
  inTurn<Result>(job: (duckdb: DuckDB) => Promise<Result>): Promise<Result> {
    const run = () => this.#run(job);
    this.#jobs += 1;
    const result = this.#last.then(run, run);
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Resolves when all jobs so far have ended. */
  async settled(): Promise<void> {
    await this.#last;
  }

  async #run<Result>(job: (duckdb: DuckDB) => Promise<Result>): Promise<Result> {
    let opened: DuckDB | undefined;
    try {
      this.#duckdb ??= openLockedDuckDB(this.#limits, this.#access);
      opened = await this.#duckdb;
      lowerPoolPriority(poolNice);
      return await job(opened);
    } catch (error) {
      // An instance that met a failed write or sync refuses everything from then on, also when the disk is well again.
      // One that only found no descriptor is sound, and a new one would abort the process for the same lack.
      if (opened === undefined || !lacksDescriptors(error)) {
        this.#duckdb = undefined;
        opened?.[Symbol.dispose]();
      }
      throw error;
    } finally {
      this.#jobs -= 1;
    }
  }
}
