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
 * The machine's own time. What waits, gives up or deletes uses `monotonicMs`; `nowMs` is for times that people or
 * clients see. Not performance.now(), whose start differs in each thread.
 */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => {
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1000 + nanoseconds / 1e6;
  },
};
