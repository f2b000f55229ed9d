/** Rows that will become durable together, and the promise that their requests wait for. */
import { LineBuffer } from "../../base/line-buffer.ts";
import type { WrittenRow } from "../../event/line/written-row.ts";
import { Tally } from "./tally.ts";

/** A group that takes rows, or whose commit is under way. */
export class OpenGroup {
  /** Their lines. Valid until the journal has answered; then a later group reuses the memory. */
  readonly lines: LineBuffer;
  readonly tally = new Tally();
  duplicates = 0;
  conflicts = 0;
  /** True once its rows are durable; false when the journal failed. */
  readonly durable: Promise<boolean>;
  /** Resolves `durable`. */
  readonly settle: (isDurable: boolean) => void;

  constructor(lines: LineBuffer) {
    this.lines = lines;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.durable = promise;
    this.settle = resolve;
  }

  /** Adds a row, whose line begins at offset `from` in `lines`. */
  add(row: WrittenRow, lines: Buffer, from: number): void {
    this.lines.reserve(row.bytes);
    this.lines.copy(lines, from, from + row.bytes);
    this.tally.add(row);
    this.tally.lineBytesMax = Math.max(this.tally.lineBytesMax, row.bytes);
  }
}

/** Enough for a journal that answers at once: one group is being answered while the next one fills. */
const buffersKept = 2;

/** Reused memory for the lines of groups. */
export class GroupMemory {
  readonly #free: LineBuffer[] = [];

  /** An empty buffer. */
  take(): LineBuffer {
    return this.#free.pop() ?? new LineBuffer();
  }

  /** Takes back a buffer that nobody uses any more. */
  giveBack(lines: LineBuffer): void {
    if (this.#free.length >= buffersKept) return;
    lines.clear();
    this.#free.push(lines);
  }
}
