/**
 * Bytes of request bodies that the process holds, counted by all accepting threads together.
 *
 * The runtime keeps what comes of a body whether anybody reads it or not, so room is reserved before the first byte is
 * asked for: the whole of a declared length, else each chunk as it comes, and what a packed body grows to. A request
 * without a verified token has no share at all: it is refused before its body counts.
 */
import { Overloaded } from "../../base/errors.ts";

/** 128 bodies of a megabyte at once. Past it, 503. Bytes. */
const bytesMax = 128 * 1024 * 1024;

/** Threads that accept, at most; as many as the configuration allows. */
const threadsMax = 16;

/** One thread's view of the count. Each thread has a cell of its own, so that one that dies takes nothing with it. */
export class Receipt {
  /** For the other threads. */
  readonly memory: SharedArrayBuffer;
  readonly #cells: Int32Array;
  readonly #thread: number;

  /** The main thread is number 0, and makes the memory. */
  constructor(memory = new SharedArrayBuffer(threadsMax * Int32Array.BYTES_PER_ELEMENT), thread = 0) {
    this.memory = memory;
    this.#cells = new Int32Array(memory);
    this.#thread = thread;
  }

  /** Bytes held now, by all threads. */
  get bytes(): number {
    let bytes = 0;
    for (let thread = 0; thread < this.#cells.length; thread++) bytes += Atomics.load(this.#cells, thread);
    return bytes;
  }

  /** Room for one request's body; empty at first. To be disposed of when the request is answered. */
  hold(): BodyHold {
    return new BodyHold(this);
  }

  /**
   * Takes room.
   * @throws Overloaded when there is none
   */
  take(bytes: number): void {
    Atomics.add(this.#cells, this.#thread, bytes);
    if (this.bytes <= bytesMax) return;
    Atomics.sub(this.#cells, this.#thread, bytes);
    throw new Overloaded("bodies_full");
  }

  /** Gives room back. */
  give(bytes: number): void {
    Atomics.sub(this.#cells, this.#thread, bytes);
  }

  /** Gives back all that a thread held which has died. */
  clear(thread: number): void {
    Atomics.store(this.#cells, thread, 0);
  }
}

/** What one request holds. */
export class BodyHold implements Disposable {
  readonly #receipt: Receipt;
  #bytes = 0;

  constructor(receipt: Receipt) {
    this.#receipt = receipt;
  }

  /**
   * Holds more.
   * @throws Overloaded when there is no room; what was held before stays held
   */
  add(bytes: number): void {
    this.#receipt.take(bytes);
    this.#bytes += bytes;
  }

  /**
   * Holds this many bytes in all, if that is more than now.
   * @throws Overloaded when there is no room
   */
  growTo(bytes: number): void {
    if (bytes > this.#bytes) this.add(bytes - this.#bytes);
  }

  [Symbol.dispose](): void {
    this.#receipt.give(this.#bytes);
    this.#bytes = 0;
  }
}
