/** A DuckDB and the queue of its jobs, which run one after another because they share a connection. */
import { lacksDescriptors } from "../base/descriptors.ts";
import { flushNiceness, lowerPriority } from "../base/priority.ts";
import type { DuckDB, DuckDBLimits } from "../store/sql/duckdb.ts";
import { type DuckDBAccess, openLockedDuckDB } from "../store/sql/lock-duckdb.ts";

/** A queue of jobs on a DuckDB of its own. */
export class JobQueue {
  readonly #limits: DuckDBLimits;
  readonly #access: DuckDBAccess;
  #duckdb: Promise<DuckDB> | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #jobs = 0;

  /** Every DuckDB that it opens, also after a failure, is locked to `access`. */
  constructor(limits: DuckDBLimits, access: DuckDBAccess) {
    this.#limits = limits;
    this.#access = access;
  }

  /** Number of jobs that run or wait. */
  get jobs(): number {
    return this.#jobs;
  }

  /** Whether its DuckDB is open or being opened: the first job opens it. */
  get isOpen(): boolean {
    return this.#duckdb !== undefined;
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

  #open(): Promise<DuckDB> {
    // A flush uses a core for up to 100 ms, and no request may wait for it. First, so that DuckDB's threads inherit it;
    // not before the first job, so that the process starts as fast as the service.
    lowerPriority(flushNiceness);
    return openLockedDuckDB(this.#limits, this.#access);
  }

  async #run<Result>(job: (duckdb: DuckDB) => Promise<Result>): Promise<Result> {
    let opened: DuckDB | undefined;
    try {
      this.#duckdb ??= this.#open();
      opened = await this.#duckdb;
      return await job(opened);
    } catch (error) {
      // After a failed write or sync an instance refuses everything, even once the disk works again. An instance that
      // only lacked a descriptor is sound, and opening a new one without a descriptor would abort the process.
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
