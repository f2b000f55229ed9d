/**
 * For how long the clock on the wall has run as evenly as the monotonic one.
 *
 * A wall clock may be wrong by days for seconds: a machine that starts, a time server that is mistaken, a hand that
 * slips. What is deleted because of its age is gone for good, so deleting does not trust one reading. Pure: readings
 * are given.
 */

/** Both clocks at one instant. */
type ClockReading = { wallMs: number; monotonicMs: number };

/**
 * A clock that is corrected while it runs goes wrong by less than a thousandth; this is for the rest, such as a leap
 * second. ms
 */
const jumpMsMin = 5_000;
const driftMax = 0.001;

/**
 * Who has not looked for longer has not seen what the clocks did: the process was stopped, or the monotonic clock
 * jumped itself. Looks come every half second. ms
 */
const unseenMsMax = 60_000;

/** Compares two clocks whenever it is given a reading of them. */
export class ClockAgreement {
  #first: ClockReading | undefined;
  #last: ClockReading | undefined;

  /**
   * Takes a reading; gives by how much the wall clock has jumped, or 0. What was agreed before a jump is forgotten. ms
   */
  look(reading: ClockReading): number {
    const [first, last] = [this.#first ?? reading, this.#last ?? reading];
    this.#last = reading;
    // Against the first one too: many small steps make a jump.
    const jumpMs = [last, first].map((earlier) => jumpBetween(earlier, reading)).find((each) => each !== 0) ?? 0;
    const isUnseen = reading.monotonicMs - last.monotonicMs > unseenMsMax;
    this.#first = jumpMs !== 0 || isUnseen ? reading : first;
    return jumpMs;
  }

  /** For how long both clocks have agreed until the last reading. ms */
  get agreedMs(): number {
    return this.#first === undefined || this.#last === undefined ? 0 : this.#last.monotonicMs - this.#first.monotonicMs;
  }
}

function jumpBetween(earlier: ClockReading, later: ClockReading): number {
  const passedMs = later.monotonicMs - earlier.monotonicMs;
  const aheadMs = later.wallMs - earlier.wallMs - passedMs;
  return Math.abs(aheadMs) > jumpMsMin + passedMs * driftMax ? aheadMs : 0;
}
