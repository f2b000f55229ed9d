/** Clock and timers, passed to whatever waits, so that a test can let time pass without waiting. */
import { type Clock, systemClock } from "./clock.ts";

/** Time as one thread sees it. */
export type Time = Clock & {
  /** Resolves after this long. ms */
  sleep(ms: number): Promise<void>;
  /** Runs `work` after this long; 0: after the messages that have arrived so far. ms */
  after(ms: number, work: () => void): void;
  /** Runs `work` repeatedly at this interval, until the returned function is called. ms */
  every(ms: number, work: () => void): () => void;
};

/** The machine's own time. */
export const systemTime: Time = {
  ...systemClock,
  sleep: (ms) => Bun.sleep(ms),
  after: (ms, work) => {
    if (ms === 0) setImmediate(work);
    else setTimeout(work, ms);
  },
  every: (ms, work) => {
    const timer = setInterval(work, ms);
    return () => clearInterval(timer);
  },
};
