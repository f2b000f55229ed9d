/** Computes the time before which events have expired. Nothing expires while the clock is in doubt. */
import type { Clock } from "../base/clock.ts";
import { ClockAgreement } from "../base/clock-agreement.ts";
import type { Log } from "../base/log.ts";

/** Nothing is dropped before the clocks have agreed for this long, or for the retention time if that is shorter. ms */
const agreedMsMin = 10 * 60_000;

/**
 * Pause between two readings of the clocks. Often, because only time between frequent readings counts as agreement. ms
 */
const lookEveryMs = 500;

/** What expires, when, and by which clock. */
type ExpiryOptions = {
  /** Events received longer ago have expired; 0: none ever does. ms */
  retentionMs: number;
  clock: Clock;
  log: Log;
};

/** Watches the clocks. */
export class Expiry implements Disposable {
  readonly #options: ExpiryOptions;
  readonly #agreement = new ClockAgreement();
  #timer: NodeJS.Timeout | undefined;

  /** Reads the clocks until it is disposed; does nothing if nothing ever expires. */
  static open(options: ExpiryOptions): Expiry {
    const expiry = new Expiry(options);
    if (options.retentionMs > 0) expiry.#timer = setInterval(() => expiry.#look(), lookEveryMs);
    return expiry;
  }

  private constructor(options: ExpiryOptions) {
    this.#options = options;
  }

  /** Events received before this time may be dropped now, ms since 1970; undefined if none may. */
  cutoffMs(): number | undefined {
    const { retentionMs } = this.#options;
    if (retentionMs === 0) return undefined;
    const wallMs = this.#look();
    return this.#agreement.agreedMs < Math.min(agreedMsMin, retentionMs) ? undefined : wallMs - retentionMs;
  }

  #look(): number {
    const { clock, log } = this.#options;
    const wallMs = clock.nowMs();
    const jumpMs = this.#agreement.look({ wallMs, monotonicMs: clock.monotonicMs() });
    if (jumpMs !== 0)
      log.warn(
        { jumpSeconds: Math.round(jumpMs / 1000) },
        "the clock jumped; nothing expires until it has run evenly for ten minutes",
      );
    return wallMs;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
