/** The head of a line as bytes. What the events of a message share is encoded once. `row.ts` defines the layout. */
import type { LineBuffer } from "../../base/line-buffer.ts";
import { type Acceptance, contentRoom, headKeys, sharedText } from "./row.ts";

const idKey = Buffer.from(headKeys.event_id);
const timeKey = Buffer.from(headKeys.timestamp);
const contentBytes = Buffer.from(headKeys.content + contentRoom);

const idBytes = 36;
const timeBytes = 27;

/** Writes heads. A thread has one, for all of its lines. */
export class LineHead {
  #acceptance: Acceptance | undefined;
  #received: Buffer = Buffer.alloc(0);
  #shared: Buffer = Buffer.alloc(0);

  /** Sets what the following lines share. */
  share(acceptance: Acceptance): void {
    const before = this.#acceptance;
    if (before?.receivedAt !== acceptance.receivedAt)
      this.#received = Buffer.from(headKeys.received_at + acceptance.receivedAt.text + headKeys.category);
    if (before?.subjectText !== acceptance.subjectText || before.clientIdText !== acceptance.clientIdText)
      this.#shared = Buffer.from(sharedText(acceptance));
    this.#acceptance = acceptance;
  }

  /** Longest head with a category of this many bytes, without its quotes. */
  bytesMax(categoryBytes: number): number {
    const keys = idKey.length + timeKey.length + this.#received.length + contentBytes.length + 1;
    return keys + idBytes + timeBytes + categoryBytes + this.#shared.length;
  }

  /** Writes a head, with room for the checksum if there will be one. REQUIRES: `bytesMax` reserved. */
  write(lines: LineBuffer, head: { eventId: string; time: Buffer; category: Buffer; hasContent: boolean }): void {
    lines.copy(idKey, 0, idKey.length);
    lines.ascii(head.eventId);
    lines.copy(timeKey, 0, timeKey.length);
    lines.copy(head.time, 0, timeBytes);
    lines.copy(this.#received, 0, this.#received.length);
    // The key's bytes already end with the opening quote.
    lines.copy(head.category, 1, head.category.length);
    if (head.hasContent) lines.copy(contentBytes, 0, contentBytes.length);
    lines.copy(this.#shared, 0, this.#shared.length);
  }
}
