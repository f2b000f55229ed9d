/** Jobs of upkeep, one after another. */
import { within } from "../base/within.ts";
import { RewriteFailed } from "./rewriter.ts";

/** What may wait for its turn, or be in it: each holds a connection, and takes seconds. */
const jobsMax = 64;

/** Jobs that wait for each other. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();
  #jobs = 0;

  /** Whether no other job may wait now. */
  get isFull(): boolean {
    return this.#jobs >= jobsMax;
  }

  /**
   * Runs a job after those before it, however they ended.
   * @throws RewriteFailed when too many wait
   */
  inTurn<Result>(job: () => Promise<Result>): Promise<Result> {
    if (this.isFull) return Promise.reject(new RewriteFailed("too many jobs wait; try again later"));
    this.#jobs += 1;
    const result = this.#last.then(job, job).finally(() => {
      this.#jobs -= 1;
    });
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Waits until the jobs so far have ended, or `msMax` is over. */
  async ended(msMax: number): Promise<void> {
    await within(this.#last, msMax);
  }
}
