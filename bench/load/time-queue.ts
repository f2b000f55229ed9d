/** The intended times of requests that wait for a connection: first in, first out, in memory that is taken once. */
export class TimeQueue {
  readonly #times: Float64Array;
  #first = 0;
  #count = 0;

  constructor(countMax: number) {
    this.#times = new Float64Array(countMax);
  }

  /** How many wait. */
  get count(): number {
    return this.#count;
  }

  /** Whether one more would be one too many. */
  get isFull(): boolean {
    return this.#count === this.#times.length;
  }

  /**
   * Adds one at the end.
   * @throws RangeError it is full
   */
  push(timeMs: number): void {
    if (this.isFull) throw new RangeError("a full queue takes no more");
    this.#times[(this.#first + this.#count) % this.#times.length] = timeMs;
    this.#count += 1;
  }

  /** Takes the first one out; undefined of an empty queue. */
  shift(): number | undefined {
    if (this.#count === 0) return undefined;
    const time = this.#times[this.#first];
    this.#first = (this.#first + 1) % this.#times.length;
    this.#count -= 1;
    return time;
  }
}
