/**
 * Bytes of request bodies that the process holds.
 *
 * The runtime buffers a body whether anybody reads it or not, so room is reserved before the first byte is read: for
 * the whole declared length, otherwise for each chunk as it comes, and for the likely size of a compressed body. A
 * request without a verified token reserves nothing: it is refused before its body is counted. Only on the paths of
 * other vendors' SDKs may the body name the key; all such bodies share a small part of the room until it is verified.
 */
import { Overloaded } from "../../base/errors.ts";

/** 128 bodies of a megabyte at once. Past this, 503. Bytes. */
const bytesMax = 128 * 1024 * 1024;

/** Senders that are not known yet share this much of it: two of the largest bodies. Bytes. */
const strangersBytesMax = 16 * 1024 * 1024;

/** The count. */
export class Receipt {
  #bytes = 0;
  #strangersBytes = 0;

  /** Bytes held now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Room for one request's body; empty at first. Dispose of it when the request is answered. */
  hold(): BodyHold {
    return new BodyHold(this);
  }

  /** Room for the body of a sender that is not known yet. */
  holdForStranger(): StrangerHold {
    return new StrangerHold(this);
  }

  /**
   * Reserves room in the strangers' share.
   * @throws Overloaded when there is none
   */
  takeForStranger(bytes: number): void {
    if (this.#strangersBytes + bytes > strangersBytesMax) throw new Overloaded("bodies_full");
    this.#strangersBytes += bytes;
  }

  /** Releases room in the strangers' share. */
  giveForStranger(bytes: number): void {
    this.#strangersBytes -= bytes;
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

/** What one request holds whose sender is not known yet: it counts in the strangers' share, too. */
class StrangerHold extends BodyHold {
  readonly #strangers: Receipt;
  #strangersBytes = 0;
  #isKnown = false;

  constructor(receipt: Receipt) {
    super(receipt);
    this.#strangers = receipt;
  }

  override add(bytes: number): void {
    if (!this.#isKnown) {
      this.#strangers.takeForStranger(bytes);
      this.#strangersBytes += bytes;
    }
    super.add(bytes);
  }

  /** The sender is known now: what it holds leaves the strangers' share. */
  known(): void {
    this.#isKnown = true;
    this.#strangers.giveForStranger(this.#strangersBytes);
    this.#strangersBytes = 0;
  }

  override [Symbol.dispose](): void {
    this.known();
    super[Symbol.dispose]();
  }
}
