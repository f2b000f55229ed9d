import { ptr } from "bun:ffi";
import { libc } from "./libc.ts";

/** What Linux calls the clock that nobody sets. */
const clockMonotonic = 1;

/** The source of time, passed to whatever depends on time, so that a test can use its own. */
export type Clock = {
  /** The wall clock: milliseconds since 1970-01-01T00:00Z. It may be set, and jump either way. */
  nowMs(): number;
  /**
   * Milliseconds since an arbitrary start, which is the same for all threads. Nobody sets this clock, and it never goes
   * back.
   */
  monotonicMs(): number;
};

/**
 * What performance.now() began with in this thread, on the system's clock. process.hrtime() begins at zero in each
 * thread, and a thread that replaces a dead one may be hours younger than the others (seen). ms
 */
const threadStartMs = monotonicNowMs() - performance.now();

/** The system's monotonic clock; where it cannot be asked, the wall clock. ms */
function monotonicNowMs(): number {
  const time = new BigInt64Array(2);
  if (libc()?.clock_gettime(clockMonotonic, ptr(time)) !== 0) return Date.now();
  const [seconds, nanoseconds] = time;
  return Number(seconds) * 1000 + Number(nanoseconds) / 1e6;
}

/**
 * The machine's own time. What waits, gives up or deletes uses `monotonicMs`; `nowMs` is for times that people or
 * clients see.
 */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => threadStartMs + performance.now(),
};
