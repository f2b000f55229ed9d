/**
 * Reads just enough of an HTTP/1.1 answer to know its status and its end: one answer at a time, in whatever pieces it
 * comes.
 */

const headerEnd = "\r\n\r\n";

/** `HTTP/1.1 200`, and no status of one digit less. */
const statusPattern = /^HTTP\/1\.[01] (\d{3})/;
const lengthPattern = /\r\ncontent-length: *(\d+)/i;

/** More than any server sends before its body; past it this is not an answer. Bytes. */
const headerBytesMax = 32 * 1024;

/** One connection's reader. */
export class AnswerReader {
  /** Pieces of an answer whose header has not ended. */
  #held: Buffer | undefined;
  /** Of the answer whose header was read. */
  #status = 0;
  #bytesLeft = 0;

  /**
   * Takes the next piece; gives the status when the answer has ended with it, undefined while it has not.
   * @throws Error it is not an answer with a content-length, or more comes than was asked for
   */
  take(piece: Buffer): number | undefined {
    if (this.#status !== 0) return this.#takeBody(piece.byteLength);
    const bytes = this.#held === undefined ? piece : Buffer.concat([this.#held, piece]);
    const end = bytes.indexOf(headerEnd);
    if (end < 0) {
      if (bytes.byteLength > headerBytesMax) throw new Error("the header of an answer does not end");
      // A copy: the piece's memory belongs to the socket, which fills it again.
      this.#held = Buffer.from(bytes);
      return undefined;
    }
    this.#held = undefined;
    const header = bytes.toString("latin1", 0, end);
    const status = statusPattern.exec(header)?.[1];
    const length = lengthPattern.exec(header)?.[1];
    if (status === undefined || length === undefined) throw new Error(`no answer with a content-length: ${header}`);
    this.#status = Number(status);
    this.#bytesLeft = Number(length);
    return this.#takeBody(bytes.byteLength - end - headerEnd.length);
  }

  #takeBody(bytes: number): number | undefined {
    this.#bytesLeft -= bytes;
    if (this.#bytesLeft < 0) throw new Error("more was answered than asked for");
    if (this.#bytesLeft > 0) return undefined;
    const status = this.#status;
    this.#status = 0;
    return status;
  }
}
