/** Rows that will become durable together, with all who wait for that. */
import { LineBuffer } from "../../base/line-buffer.ts";
import type { WrittenRow } from "../../event/line/written-row.ts";
import { Tally } from "./tally.ts";

/** A group that takes rows, or whose commit is under way. */
export class OpenGroup {
  /** Their lines; only until the journal has answered, for a later group uses the memory again. */
  readonly lines: LineBuffer;
  readonly tally = new Tally();
  duplicates = 0;
  conflicts = 0;
  /** True once its rows are durable; false when the journal failed. */
  readonly durable: Promise<boolean>;
  /** Ends the wait of all who joined. */
  readonly settle: (isDurable: boolean) => void;

  constructor(lines: LineBuffer) {
    this.lines = lines;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.durable = promise;
    this.settle = resolve;
  }

  /** Adds a row, whose line stands in `lines` from a place on. */
  add(row: WrittenRow, lines: Buffer, from: number): void {
    this.lines.reserve(row.bytes);
    this.lines.copy(lines, from, from + row.bytes);
    this.tally.add(row);
    this.tally.lineBytesMax = Math.max(this.tally.lineBytesMax, row.bytes);
  }
}

/** As many as are under way with a journal that answers at once: one is being answered while the next one fills. */
const buffersKept = 2;

/** Memory for the lines of groups, used again. */
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
