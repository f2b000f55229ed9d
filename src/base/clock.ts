/** Where the time comes from. What depends on time takes one, so that a test can give its own. */
export type Clock = {
  /** What the clock on the wall shows: milliseconds since 1970-01-01T00:00Z. It may be set, and jump either way. */
  nowMs(): number;
  /**
   * How much time has passed since some start, the same for all threads: milliseconds. Nobody sets it, and it never
   * goes back.
   */
  monotonicMs(): number;
};

/**
 * The machine's own time. What waits, gives up or deletes goes by `monotonicMs`; `nowMs` is for what a person or a
 * client is told. Not performance.now(), which counts from another start in each thread.
 */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => {
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1000 + nanoseconds / 1e6;
  },
};
