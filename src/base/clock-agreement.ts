/**
 * For how long the wall clock has run as evenly as the monotonic clock.
 *
 * A wall clock may be wrong by days for seconds: on a machine that starts, by a mistaken time server, by an operator's
 * mistake. What is deleted because of its age is gone for good, so deletion does not trust one reading. Pure: readings
 * are passed in.
 */

/** Both clocks at one instant. */
type ClockReading = { wallMs: number; monotonicMs: number };

/**
 * A clock that is being corrected drifts by less than a thousandth; this allows for the rest, such as a leap second. ms
 */
const jumpMsMin = 5_000;
const driftMax = 0.001;

/**
 * After a longer gap nobody knows what the clocks did: the process was stopped, or the monotonic clock itself jumped.
 * Readings come every half second. ms
 */
const unseenMsMax = 60_000;

/** Compares two clocks at each reading of them. */
export class ClockAgreement {
  #first: ClockReading | undefined;
  #last: ClockReading | undefined;

  /** Takes a reading and returns by how much the wall clock has jumped, or 0. A jump restarts the agreement. ms */
  look(reading: ClockReading): number {
    const [first, last] = [this.#first ?? reading, this.#last ?? reading];
    this.#last = reading;
    // Compared with the first reading too: many small steps make a jump.
    const jumpMs = [last, first].map((earlier) => jumpBetween(earlier, reading)).find((each) => each !== 0) ?? 0;
    const isUnseen = reading.monotonicMs - last.monotonicMs > unseenMsMax;
    this.#first = jumpMs !== 0 || isUnseen ? reading : first;
    return jumpMs;
  }

  /** For how long both clocks had agreed at the last reading. ms */
  get agreedMs(): number {
    return this.#first === undefined || this.#last === undefined ? 0 : this.#last.monotonicMs - this.#first.monotonicMs;
  }
}

function jumpBetween(earlier: ClockReading, later: ClockReading): number {
  const passedMs = later.monotonicMs - earlier.monotonicMs;
  const aheadMs = later.wallMs - earlier.wallMs - passedMs;
  return Math.abs(aheadMs) > jumpMsMin + passedMs * driftMax ? aheadMs : 0;
}
