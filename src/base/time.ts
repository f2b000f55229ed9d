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

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** Seconds of a duration such as `30s`, `15m`, `1h` or `90d`; undefined if it is not one. */
export function secondsOfDuration(duration: string): number | undefined {
  const [, digits, unit = ""] = /^(\d{1,9})([smhd])$/.exec(duration) ?? [];
  const seconds = unitSeconds[unit];
  return digits === undefined || seconds === undefined ? undefined : Number(digits) * seconds;
}
