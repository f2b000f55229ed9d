/** The checksum of what a client sent, of bytes: the same as `rowOf` makes of strings, without making strings. */
import { invariant } from "../../base/invariant.ts";
import { categories } from "../categories.ts";
import { contentOfBytes } from "../line/row.ts";
import { timestampBytes } from "../timestamp.ts";

/** Checksums. A thread has one, for all of its lines. */
export class ContentChecksum {
  /** What is summed first, by category: its name, after the time of the event. */
  readonly #timed = categories.map((category) => Buffer.from(" ".repeat(timestampBytes) + category));
  /** The same for events whose client sent no time. */
  readonly #untimed = categories.map((category) => Buffer.from(category));

  /** `category`: index in `categories`. `time`: undefined where the client sent none. `rest`: what it sent else. */
  of(category: number, time: Uint8Array | undefined, rest: Uint8Array): number {
    const beginning = (time === undefined ? this.#untimed : this.#timed)[category];
    invariant(beginning !== undefined, "a row has one of the categories");
    if (time !== undefined) beginning.set(time);
    return contentOfBytes(beginning, rest);
  }
}
