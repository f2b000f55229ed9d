/**
 * Bytes of request bodies that the process holds.
 *
 * The runtime buffers a body whether anybody reads it or not, so room is reserved before the first byte is read: for
 * the whole declared length, otherwise for each chunk as it comes, and for the likely size of a compressed body. A
 * request without a verified token reserves nothing: it is refused before its body is counted.
 */
import { Overloaded } from "../../base/errors.ts";

/** 128 bodies of a megabyte at once. Past this, 503. Bytes. */
const bytesMax = 128 * 1024 * 1024;

/** The count. */
export class Receipt {
  #bytes = 0;

  /** Bytes held now. */
  get bytes(): number {
    return this.#bytes;
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
    if (this.#bytes + bytes > bytesMax) throw new Overloaded("bodies_full");
    this.#bytes += bytes;
  }

  /** Releases room. */
  give(bytes: number): void {
    this.#bytes -= bytes;
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
