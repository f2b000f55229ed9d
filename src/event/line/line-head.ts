/** The head of a line as bytes. What the events of a message share is encoded once. `row.ts` defines the layout. */
import { invariant } from "../../base/invariant.ts";
import type { LineBuffer } from "../../base/line-buffer.ts";
import { categories } from "../categories.ts";
import { timestampBytes } from "../timestamp.ts";
import { type Acceptance, contentRoom, headKeys, type Row, sharedText } from "./row.ts";

const idKey = Buffer.from(headKeys.event_id);
const timeKey = Buffer.from(headKeys.timestamp);
const categoryTexts = categories.map((category) => Buffer.from(`${category}"`));
const contentBytes = Buffer.from(headKeys.content + contentRoom);
const receivedBytes = headKeys.received_at.length;

const idBytes = 36;
/** What is neither the time of receipt nor shared. Bytes. */
const ownBytesMax =
  idKey.length +
  idBytes +
  timeKey.length +
  timestampBytes +
  Math.max(...categoryTexts.map(({ length }) => length)) +
  contentBytes.length;

/** Writes heads. A thread has one, for all of its lines. */
export class LineHead {
  #acceptance: Acceptance | undefined;
  /** The time, with the keys before and after it. */
  readonly #received = Buffer.from(headKeys.received_at + " ".repeat(timestampBytes) + headKeys.category);
  #shared: Buffer = Buffer.alloc(0);

  /** Sets what the following lines share. */
  share(acceptance: Acceptance): void {
    const before = this.#acceptance;
    if (before?.receivedAt !== acceptance.receivedAt)
      this.#received.write(acceptance.receivedAt.text, receivedBytes, "latin1");
    if (before?.subjectText !== acceptance.subjectText || before.clientIdText !== acceptance.clientIdText)
      this.#shared = Buffer.from(sharedText(acceptance));
    this.#acceptance = acceptance;
  }

  /** An upper bound for a whole head. Bytes. */
  get bytesMax(): number {
    return ownBytesMax + this.#received.length + this.#shared.length;
  }

  /**
   * Writes the beginning of a head: the fields of this line alone. The checksum's room and `shared` follow.
   * REQUIRES: `bytesMax` reserved.
   */
  write(lines: LineBuffer, { eventId, category }: Pick<Row, "eventId" | "category">, time: Buffer): void {
    const categoryText = categoryTexts[category];
    invariant(categoryText !== undefined, "a row has one of the categories");
    lines.copy(idKey, 0, idKey.length);
    lines.ascii(eventId);
    lines.copy(timeKey, 0, timeKey.length);
    lines.copy(time, 0, timestampBytes);
    lines.copy(this.#received, 0, this.#received.length);
    lines.copy(categoryText, 0, categoryText.length);
  }

  /** Leaves room for the checksum, and returns the offset where it ends. */
  contentRoom(lines: LineBuffer): number {
    lines.copy(contentBytes, 0, contentBytes.length);
    return lines.end;
  }

  /** Writes what all lines share. */
  shared(lines: LineBuffer): void {
    lines.copy(this.#shared, 0, this.#shared.length);
  }
}
