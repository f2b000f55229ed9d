/** Bytes of a socket in pieces of a given length. */
import type { Socket } from "node:net";

/** Takes what a socket brings, in order. */
export class ByteReader {
  #held: Buffer[] = [];
  #heldBytes = 0;
  #wanted = 0;
  #waiting: PromiseWithResolvers<Buffer> | undefined;

  constructor(socket: Socket) {
    socket.on("data", (bytes: Buffer) => {
      this.#held.push(bytes);
      this.#heldBytes += bytes.byteLength;
      this.#give();
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#waiting?.reject(new Error("the other side has gone")));
  }

  /**
   * The next bytes. One call at a time.
   * @throws Error when the socket closes before they have come
   */
  take(length: number): Promise<Buffer> {
    this.#wanted = length;
    this.#waiting = Promise.withResolvers<Buffer>();
    const { promise } = this.#waiting;
    this.#give();
    return promise;
  }

  #give(): void {
    if (this.#waiting === undefined || this.#heldBytes < this.#wanted) return;
    const all = Buffer.concat(this.#held);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#held = [all.subarray(this.#wanted)];
    this.#heldBytes -= this.#wanted;
    waiting.resolve(all.subarray(0, this.#wanted));
  }
}
