/** Runs upkeep jobs one after another. */
import { within } from "../base/within.ts";
import { RewriteFailed } from "./rewriter.ts";

/** Bound on jobs that wait or run: each holds a connection and takes seconds. */
const jobsMax = 64;

/** A queue of jobs that run one at a time. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();
  #jobs = 0;

  /** Whether the queue takes no further job now. */
  get isFull(): boolean {
    return this.#jobs >= jobsMax;
  }

  /**
   * Runs a job after all earlier ones, whether they succeeded or failed.
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
