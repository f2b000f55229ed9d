/** The time, as the client takes it from where it runs. Tests give a clock of their own. */

/** Where a client takes the time from. */
export type Clock = {
  now(): number;
  /** Starts a timer; the process waits for it only if it is `held`. Returns what cancels it. */
  after(ms: number, act: () => void, held?: "held"): () => void;
};

/** Deno's timers are numbers, as in a browser, and are released by a function. */
const deno: { Deno?: { unrefTimer(timer: unknown): void } } & typeof globalThis = globalThis;

/** The longest timer, eleven days: past 25 days it would fire at once. ms */
const timerMsMax = 1e9;

/** The real one. */
export const realClock: Clock = {
  now: Date.now,
  after(ms, act, held) {
    const timer = setTimeout(act, Math.min(ms, timerMsMax));
    if (held === undefined) timer.unref ? timer.unref() : deno.Deno?.unrefTimer(timer);
    return () => clearTimeout(timer);
  },
};
