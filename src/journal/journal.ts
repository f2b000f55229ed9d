/**
 * What a shard needs of its journal: the seam behind which a replicated log can stand one day. A part is removed by who sealed it.
 *
 * Invariants:
 * - A group is there whole or not at all.
 * - What `append` returned for is durable; what it threw for may be there or not, and is never acknowledged.
 * - Parts are in order of sequence, without overlap; a part that `rotate` gave never changes again.
 */
import type { Sequence } from "../base/brand.ts";
import type { LineBuffer } from "../base/line-buffer.ts";

/** Rows that become durable together: their lines, each ended by a newline. The journal writes its commit line behind them. */
export type Group = { lines: LineBuffer; rows: number };

/** A closed stretch of the journal, ready to be sealed: events `from` to `to`, both included. */
export type JournalPart = { path: string; from: Sequence; to: Sequence; rows: number; bytes: number };

/** The journal of one shard. */
export interface Journal {
  /** Sequence of the next row. */
  readonly next: Sequence;
  /**
   * Writes a group and returns, once it is durable, the bytes that it took.
   * @throws JournalNotWritten nothing of the group may be acknowledged; the journal takes no more until `repair`
   */
  append(group: Group): number;
  /** True after a failed `append`, until `repair` succeeds. */
  readonly isBroken: boolean;
  /**
   * After a failed `append`: brings the journal back to its last durable group, closes what was being written as a part
   * (undefined when it holds nothing), and goes on in a new file.
   * @throws JournalNotWritten when the disk still refuses
   */
  repair(): JournalPart | undefined;
  /**
   * Closes what was appended since the last call as a part; undefined when that is nothing.
   * @throws JournalNotWritten when the disk refuses; the journal takes no more until `repair`, which gives the part
   */
  rotate(): JournalPart | undefined;
  /** Closes the files; what was appended stays. */
  close(): void;
}
