/** Who was refused, and why: one line for each subject and reason in ten seconds, and never more than twenty. */
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";

/** Long enough that a client that retries again and again cannot fill the disk. ms */
const windowMs = 10_000;

/** More than a person reads in ten seconds; further refusals are counted. Lines. */
const linesMax = 20;

/** A longer subject is cut. Characters. */
const subjectCharsMax = 200;

/** One refused request; `subject` is null when there was no valid token. */
type RefusedRequest = { reason: string; status: number; subject: string | null };

/** Writes refusals to the log, without letting clients flood it. */
export class RefusalLog {
  readonly #log: Pick<Log, "info">;
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #written = new Set<string>();
  #sinceMs = Number.NEGATIVE_INFINITY;
  #unwritten = 0;

  constructor(log: Pick<Log, "info">, clock: Pick<Clock, "monotonicMs">) {
    this.#log = log;
    this.#clock = clock;
  }

  /**
   * Writes a line, unless one with the same reason and subject was written in this window. The next window begins with
   * the number of refusals that were left out.
   */
  note({ reason, status, subject }: RefusedRequest): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#sinceMs >= windowMs) this.#begin(nowMs);
    const who = subject === null ? null : subject.slice(0, subjectCharsMax);
    const key = JSON.stringify([reason, who]);
    if (this.#written.has(key) || this.#written.size >= linesMax) {
      this.#unwritten += 1;
      return;
    }
    this.#written.add(key);
    this.#log.info({ reason, status, subject: who }, "request refused");
  }

  #begin(nowMs: number): void {
    if (this.#unwritten > 0)
      this.#log.info({ requests: this.#unwritten }, "more requests refused, for the same reasons or others");
    this.#written.clear();
    this.#unwritten = 0;
    this.#sinceMs = nowMs;
  }
}
