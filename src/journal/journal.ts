/**
 * The interfaces of a journal, for the shard that writes and for readers. A replicated log could implement them one
 * day.
 *
 * Invariants:
 * - A group is stored whole or not at all.
 * - A group whose `append` has resolved is durable. One whose `append` failed may be on disk or not, and is never
 *   acknowledged.
 * - Several calls may be under way. They may settle late and in any order, but after a failure every later call fails,
 *   until a `repair` resolves.
 * - Parts are in order of sequence, without gap or overlap. A part that was returned never changes again.
 */
import type { Sequence } from "../base/brand.ts";
import type { LineBuffer } from "../base/line-buffer.ts";
import type { JournalContent } from "./reader.ts";

/**
 * Rows that become durable together: their lines, each ended by a newline. The journal writes its commit line after
 * them. The lines belong to the journal until `append` settles.
 */
export type Group = { lines: LineBuffer; rows: number };

/** A closed stretch of the journal, ready to be sealed: events `from` to `to`, both included. */
export type JournalPart = { path: string; from: Sequence; to: Sequence; rows: number; bytes: number };

/** Where a journal file is, and the sequence that its name gives to its first row. */
export type JournalPlace = { path: string; from: Sequence };

/** What the shard decides about what a recovery finds. */
export type RecoveryDecisions = {
  /**
   * Whether all events of a file are sealed; then it is removed. Called before the file is changed, in order of
   * sequence.
   */
  isSealed(found: JournalPlace): Promise<boolean>;
  /** Sequence of the first row that will be appended. Called once, when everything that was found is durable. */
  nextAfter(recovered: RecoveredJournal): Sequence;
};

/** What a recovery leaves. */
export type RecoveredJournal = {
  /** What waits to be sealed, in order. */
  parts: JournalPart[];
  /**
   * Damaged files: the first sequence of each, and that of the file after it. Their whole groups are among the parts.
   */
  corrupt: { from: Sequence; until: Sequence | undefined }[];
};

/** The journal of one shard. */
export interface Journal {
  /**
   * Takes over what the last run left: drops what is sealed, cuts what was never acknowledged, and makes the rest
   * durable. Called once, before any other method.
   * @throws DataFolderRefused when files contradict each other in a way that only a person can judge
   */
  recover(decisions: RecoveryDecisions): Promise<RecoveredJournal>;
  /**
   * Writes a group. Resolves, once it is durable, with the number of bytes written.
   * @throws JournalNotWritten nothing of the group may be acknowledged; the journal accepts nothing until `repair`
   */
  append(group: Group): Promise<number>;
  /**
   * Called after a failure, once all other calls have settled. Cuts the journal back to its last durable group, closes
   * the open file as a part (undefined when it holds nothing), and accepts groups again.
   * @throws JournalNotWritten when the disk still refuses; the repair that succeeds returns the part
   */
  repair(): Promise<JournalPart | undefined>;
  /**
   * Closes everything appended since the last part as the next part, once it is durable; undefined when there is
   * nothing.
   * @throws JournalNotWritten when the disk refuses; the journal accepts nothing until `repair`, which returns the part
   */
  rotate(): Promise<JournalPart | undefined>;
  /**
   * Removes a part that is sealed; also one of a retired shard.
   * @throws the system's error; a recovery removes the part then
   */
  drop(part: JournalPart): Promise<void>;
  /** Ends the work on the journal; what was appended stays. */
  close(): Promise<void>;
  /** Bytes passed to `append` since the last part. */
  readonly openBytes: number;
  /** Sequence of the first row that is in no part. */
  readonly openFrom: Sequence;
  /**
   * Whether somebody removed the file that takes appends: rows appended to it would be lost, rows appended after the
   * next `rotate` would not.
   */
  readonly isRemoved: boolean;
  /**
   * The parts, of those given, that somebody removed.
   * @throws the system's error while the folder of all parts is missing: it may be a mount that comes back
   */
  removedOf(parts: readonly JournalPart[]): JournalPart[];
}

/** An open journal file: it can be read to its end even if it is dropped meanwhile. */
export type OpenedJournal = JournalPlace & { read(): JournalContent } & Disposable;

/** Reads journals while a shard writes them. Changes nothing. */
export interface JournalReader {
  /**
   * Opens a part, or the file that takes appends; undefined once it was dropped.
   * @throws the system's error when it cannot be opened
   */
  open(place: JournalPlace): OpenedJournal | undefined;
  /**
   * The row lines of a part, without their newlines.
   * @throws the system's error when it cannot be read
   */
  rowsOf(path: string): Iterable<Buffer>;
}
