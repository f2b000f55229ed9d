/**
 * What a shard needs of its journal, and what others need to read it: the seam behind which a replicated log can stand
 * one day.
 *
 * Invariants:
 * - A group is there whole or not at all.
 * - A group whose `append` was answered is durable. One whose `append` failed may be there or not, and is never
 *   acknowledged.
 * - Several calls may be under way. Answers may come late and in any order, but what fails, fails everything that was
 *   asked after it, until a `repair` is answered.
 * - Parts are in order of sequence, without gap or overlap. A part that was given never changes again.
 */
import type { Sequence } from "../base/brand.ts";
import type { LineBuffer } from "../base/line-buffer.ts";
import type { JournalContent } from "./reader.ts";

/**
 * Rows that become durable together: their lines, each ended by a newline. The journal writes its commit line behind
 * them. The lines are the journal's until it has answered.
 */
export type Group = { lines: LineBuffer; rows: number };

/** A closed stretch of the journal, ready to be sealed: events `from` to `to`, both included. */
export type JournalPart = { path: string; from: Sequence; to: Sequence; rows: number; bytes: number };

/** Where a journal file is, and the sequence that its name gives to its first row. */
export type JournalPlace = { path: string; from: Sequence };

/** What the shard decides of what a recovery finds. */
export type RecoveryDecisions = {
  /**
   * Whether all events of a file are sealed: then it goes. Asked before anything is changed in it, in order of
   * sequence.
   */
  isSealed(found: JournalPlace): Promise<boolean>;
  /** Sequence of the first row that will be appended. Asked once, when everything that was found is durable. */
  nextAfter(recovered: RecoveredJournal): Sequence;
};

/** What a recovery leaves. */
export type RecoveredJournal = {
  /** What waits to be sealed, in order. */
  parts: JournalPart[];
  /**
   * Files that were damaged: where each began, and where the file behind it begins. Their whole groups are among the
   * parts.
   */
  corrupt: { from: Sequence; until: Sequence | undefined }[];
};

/** The journal of one shard. */
export interface Journal {
  /**
   * Takes up what the last life left: drops what is sealed, cuts what was never acknowledged, and makes the rest
   * durable. Before anything else is asked, and once.
   * @throws DataFolderRefused when files contradict each other in a way that only a person can judge
   */
  recover(decisions: RecoveryDecisions): Promise<RecoveredJournal>;
  /**
   * Writes a group. Answers, once it is durable, with the bytes that it took.
   * @throws JournalNotWritten nothing of the group may be acknowledged; the journal takes no more until `repair`
   */
  append(group: Group): Promise<number>;
  /**
   * After something failed, and everything else was answered: brings the journal back to its last durable group, closes
   * what was being written as a part (undefined when it holds nothing), and goes on.
   * @throws JournalNotWritten when the disk still refuses; the part is then given by the repair that succeeds
   */
  repair(): Promise<JournalPart | undefined>;
  /**
   * Closes what `append` was asked for since the last part as the next one, once it is durable; undefined when that is
   * nothing.
   * @throws JournalNotWritten when the disk refuses; the journal takes no more until `repair`, which gives the part
   */
  rotate(): Promise<JournalPart | undefined>;
  /**
   * Removes a part that is sealed; also one of a retired shard.
   * @throws the system's error; a recovery removes the part then
   */
  drop(part: JournalPart): Promise<void>;
  /** Ends the work on the journal; what was appended stays. */
  close(): Promise<void>;
  /** Bytes asked for since the last part. */
  readonly openBytes: number;
  /** Sequence of the first row that is in no part. */
  readonly openFrom: Sequence;
  /**
   * Whether somebody removed what takes appends: what is appended to it would be lost, what goes behind the next
   * `rotate` would not.
   */
  readonly isRemoved: boolean;
  /**
   * Those of these parts that somebody removed.
   * @throws the system's error while the place of all parts is away: it may be a mount, and comes back
   */
  removedOf(parts: readonly JournalPart[]): JournalPart[];
}

/** A journal file that was opened: it can be read to its end, also when it is dropped meanwhile. */
export type OpenedJournal = JournalPlace & { read(): JournalContent } & Disposable;

/** Reads journals beside the shard that writes them. Changes nothing. */
export interface JournalReader {
  /**
   * Opens a part, or what takes appends; undefined once it was dropped.
   * @throws the system's error when it cannot be opened
   */
  open(place: JournalPlace): OpenedJournal | undefined;
  /**
   * The lines of the rows of a part, without their newlines.
   * @throws the system's error when it cannot be read
   */
  rowsOf(path: string): Iterable<Buffer>;
}
