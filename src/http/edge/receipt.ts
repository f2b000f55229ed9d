/**
 * Bytes of request bodies that the process holds, counted by all accepting threads together.
 *
 * The runtime buffers a body whether anybody reads it or not, so room is reserved before the first byte is read: for
 * the whole declared length, otherwise for each chunk as it comes, and for the likely size of a compressed body. A
 * request without a verified token reserves nothing: it is refused before its body is counted.
 */
import { Overloaded } from "../../base/errors.ts";

/** 128 bodies of a megabyte at once. Past this, 503. Bytes. */
const bytesMax = 128 * 1024 * 1024;

/** The most accepting threads that the configuration allows. */
const threadsMax = 16;

/** One thread's view of the count. Each thread has its own cell, so the bytes of a thread that dies can be released. */
export class Receipt {
  /** For the other threads. */
  readonly memory: SharedArrayBuffer;
  readonly #cells: Int32Array;
  readonly #thread: number;

  /** The main thread is number 0 and creates the memory. */
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

  /** Room for one request's body; empty at first. Dispose of it when the request is answered. */
  hold(): BodyHold {
    return new BodyHold(this);
  }

  /**
   * Reserves room.
   * @throws Overloaded when there is none
   */
  take(bytes: number): void {
    Atomics.add(this.#cells, this.#thread, bytes);
    if (this.bytes <= bytesMax) return;
    Atomics.sub(this.#cells, this.#thread, bytes);
    throw new Overloaded("bodies_full");
  }

  /** Releases room. */
  give(bytes: number): void {
    Atomics.sub(this.#cells, this.#thread, bytes);
  }

  /** Releases all that a dead thread held. */
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
