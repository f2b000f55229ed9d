/** Whether requests are accepted at all, in memory that all accepting threads share. */

const acceptingAt = 0;
const diskLowAt = 1;

/** The main thread sets it, and every accepting thread checks it at each request. */
export class Gate {
  /** For the other threads. */
  readonly memory: SharedArrayBuffer;
  readonly #marks: Int32Array;

  /** The main thread creates the memory; the gate is closed at first. */
  constructor(memory = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#marks = new Int32Array(memory);
  }

  /** True from the end of the start to the first signal to stop. */
  get isAccepting(): boolean {
    return Atomics.load(this.#marks, acceptingAt) === 1;
  }

  set isAccepting(isAccepting: boolean) {
    Atomics.store(this.#marks, acceptingAt, Number(isAccepting));
  }

  /** Whether the disk has no room for more events. */
  get isDiskLow(): boolean {
    return Atomics.load(this.#marks, diskLowAt) === 1;
  }

  set isDiskLow(isDiskLow: boolean) {
    Atomics.store(this.#marks, diskLowAt, Number(isDiskLow));
  }
}
