/** Where the time comes from. What depends on time takes one, so that a test can give its own. */
export type Clock = {
  /** Milliseconds since 1970-01-01T00:00Z. */
  nowMs(): number;
};

/** The machine's own time. */
export const systemClock: Clock = { nowMs: () => Date.now() };
