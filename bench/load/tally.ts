/** What an open-loop load has seen so far. */
import type { Histogram } from "hdr-histogram-js";
import type { Report } from "./generator-protocol.ts";
import { atPercentile, newHistogram, packHistogram, record } from "./latency.ts";

/** The times of one request. ms since the start of the load. */
export type RequestTimes = { intendedMs: number; sentMs: number; answeredMs: number };

class LatencyPair {
  readonly #fromIntended = newHistogram();
  readonly #fromSent = newHistogram();

  record({ intendedMs, sentMs, answeredMs }: RequestTimes): void {
    record(this.#fromIntended, answeredMs - intendedMs);
    record(this.#fromSent, answeredMs - sentMs);
  }

  packed(): Report["accepts"] {
    return { fromIntended: packHistogram(this.#fromIntended), fromSent: packHistogram(this.#fromSent) };
  }
}

/** Counts answers by their status, keeps latencies, and a course second by second. */
export class Tally {
  accepted = 0;
  unavailable = 0;
  limited = 0;
  other = 0;
  readonly #accepts = new LatencyPair();
  readonly #refusals = new LatencyPair();
  readonly #course: Report["course"] = [];
  readonly #thisSecond: Histogram = newHistogram();

  /** Notes one answer. Answers come in the order of their time. */
  answer(status: number, times: RequestTimes): void {
    this.#closeSecondsUpTo(Math.floor(times.answeredMs / 1e3));
    if (status >= 200 && status < 300) {
      this.accepted += 1;
      this.#accepts.record(times);
      record(this.#thisSecond, times.answeredMs - times.intendedMs);
      return;
    }
    if (status === 503) this.unavailable += 1;
    else if (status === 429) this.limited += 1;
    else {
      this.other += 1;
      return;
    }
    this.#refusals.record(times);
  }

  /**
   * The part of the report that is about answers, at the end of the load; of its course only seconds that are whole.
   */
  told(
    endMs: number,
  ): Pick<Report, "accepted" | "unavailable" | "limited" | "other" | "accepts" | "refusals" | "course"> {
    this.#closeSecondsUpTo(Math.floor(endMs / 1e3));
    const { accepted, unavailable, limited, other } = this;
    const latencies = { accepts: this.#accepts.packed(), refusals: this.#refusals.packed() };
    return { accepted, unavailable, limited, other, ...latencies, course: this.#course };
  }

  #closeSecondsUpTo(second: number): void {
    while (this.#course.length < second) {
      const accepted = this.#thisSecond.totalCount;
      this.#course.push({ accepted, p99Ms: accepted === 0 ? null : atPercentile(this.#thisSecond, 99) });
      this.#thisSecond.reset();
    }
  }
}
