/**
 * A shard's counters in shared memory, so that stats, health and metrics read them without a message.
 *
 * Invariants:
 * - Only the shard's actor writes. There are two copies of the values: the writer changes the one that readers do not
 *   use, then increments the version to switch them over. A reader that sees another version afterwards reads again. So
 *   it always returns one consistent state, even if the writing thread is paused or dies within a change.
 * - An event is counted here after it is durable and before it is answered: a client's acknowledged events are in its
 *   next stats.
 */
import { categories } from "../event/categories.ts";

/**
 * Counters and marks of a shard, in the order of their places. Times in ms since 1970, 0 for none. `durableTo`: the
 * sequence of the last durable event; the tail shows events up to it.
 */
const fields = [
  "ready",
  "journalFailed",
  "unprovenBytes",
  "pendingEvents",
  "sealedEvents",
  "oldestPendingMs",
  "lastFlushMs",
  "journalBytes",
  "flushFailures",
  "flushFailuresInRow",
  "refusedLines",
  "corruptJournals",
  "acceptedEvents",
  "duplicates",
  "conflicts",
  "misfitsWarned",
  "misfitsRefused",
  "durableTo",
] as const;

/** A counter or mark of a shard. */
type BoardField = (typeof fields)[number];

/** Hours that a board counts, from the start of a UTC day: this day and the two after it. */
export const boardHours = 72;

const fieldIndex = Object.fromEntries(fields.map((field, index) => [field, index])) as Record<BoardField, number>;
const categoriesAt = fields.length;
const hoursFromAt = categoriesAt + categories.length;
const hoursAt = hoursFromAt + 1;
const valuesCount = hoursAt + boardHours;
/**
 * Version, reservation and start of the disk work, 32 bits each, before the values, which begin at a multiple of eight.
 */
const headerBytes = 16;
const versionAt = 0;
const reservedAt = 1;
const diskWorkAt = 2;

/** A shard whose disk work runs this long is not waited for any more, and gets no new events. ms */
export const diskWorkMsMax = 5_000;

/** One state of a board. */
export type BoardState = Record<BoardField, number> & {
  byCategory: number[];
  /** Hours since 1970 of the first hour counted. */
  hoursFrom: number;
  /** Events by hour, from `hoursFrom`. */
  byHour: number[];
};

/** Memory for one board. */
export const createBoardMemory = () => new SharedArrayBuffer(headerBytes + 2 * valuesCount * 8);

/** A board, as its writer or as a reader sees it. */
export class Board {
  readonly #header: Int32Array;
  readonly #copies: readonly [Float64Array, Float64Array];
  readonly #edits: readonly [BoardEdit, BoardEdit];

  constructor(memory: SharedArrayBuffer) {
    this.#header = new Int32Array(memory, 0, headerBytes / 4);
    const copyAt = (copy: number) => new Float64Array(memory, headerBytes + copy * valuesCount * 8, valuesCount);
    this.#copies = [copyAt(0), copyAt(1)];
    this.#edits = [new BoardEdit(this.#copies[0]), new BoardEdit(this.#copies[1])];
  }

  /** Changes several values as one; for the shard's actor alone. */
  write(change: (edit: BoardEdit) => void): void {
    change(this.begin());
    this.publish();
  }

  /** The same in two steps: what is changed in between is seen with `publish`. */
  begin(): BoardEdit {
    const version = Atomics.load(this.#header, versionAt);
    const edit = this.#edits[placeOf(version + 1)];
    edit.start(this.#copyOf(version));
    return edit;
  }

  /** Shows what was changed since `begin`. */
  publish(): void {
    Atomics.store(this.#header, versionAt, (Atomics.load(this.#header, versionAt) + 1) | 0);
  }

  /** One consistent state. */
  read(): BoardState {
    for (;;) {
      const version = Atomics.load(this.#header, versionAt);
      const values = Array.from(this.#copyOf(version));
      if (Atomics.load(this.#header, versionAt) === version) return stateOf(values);
    }
  }

  /** One value, as it is at this instant. */
  peek(field: BoardField): number {
    return this.#copyOf(Atomics.load(this.#header, versionAt))[fieldIndex[field]] ?? 0;
  }

  #copyOf(version: number): Float64Array {
    return this.#copies[placeOf(version)];
  }

  /**
   * Events that the shard has accepted or is about to accept, and has not sealed; the buffer's bound applies to these.
   */
  get reserved(): number {
    return Atomics.load(this.#header, reservedAt);
  }

  /** Sets the reservation: after recovery, to what is pending. */
  set reserved(events: number) {
    Atomics.store(this.#header, reservedAt, events);
  }

  /** Adds to the reservation; a negative number releases. */
  reserve(events: number): void {
    Atomics.add(this.#header, reservedAt, events);
  }

  /** Disk work begins at this monotonic time. ms */
  markDiskWork(nowMs: number): void {
    // The low 32 bits are enough for a difference; 0 means none.
    Atomics.store(this.#header, diskWorkAt, Math.floor(nowMs) | 0 || 1);
  }

  /** No disk work runs. */
  endDiskWork(): void {
    Atomics.store(this.#header, diskWorkAt, 0);
  }

  /** How long the shard's disk work has run at this monotonic time; 0 when none runs. ms */
  diskWorkMs(nowMs: () => number): number {
    const startMs = Atomics.load(this.#header, diskWorkAt);
    return startMs === 0 ? 0 : Math.max(0, ((Math.floor(nowMs()) | 0) - startMs) | 0);
  }

  /** For the main thread, after the writing thread ended; recovery writes every value again. */
  closeAfterDeath(): void {
    this.endDiskWork();
    this.write((edit) => edit.set("ready", 0));
  }
}

/** Which of the two copies a version has. */
const placeOf = (version: number): 0 | 1 => (version % 2 === 0 ? 0 : 1);

/** Changes to a board, inside `Board.write` or until `Board.publish`. */
export class BoardEdit {
  readonly #values: Float64Array;

  constructor(values: Float64Array) {
    this.#values = values;
  }

  /** Starts from these values. */
  start(values: Float64Array): void {
    this.#values.set(values);
  }

  /** Sets a value. */
  set(field: BoardField, value: number): void {
    this.#values[fieldIndex[field]] = value;
  }

  /** Adds to a value. */
  add(field: BoardField, value: number): void {
    this.#add(fieldIndex[field], value);
  }

  /** Adds to the count of a category, by its index in `categories`. */
  addCategory(category: number, events: number): void {
    this.#add(categoriesAt + category, events);
  }

  /** Adds to the count of an hour; hours outside the board's range are only in the rollups. */
  addHour(hour: number, events: number): void {
    const index = hour - (this.#values[hoursFromAt] ?? 0);
    if (index >= 0 && index < boardHours) this.#add(hoursAt + index, events);
  }

  /** Starts the counts of all categories again, at zero. */
  startCategories(): void {
    this.#values.fill(0, categoriesAt, categoriesAt + categories.length);
  }

  /** Starts the hours again from this one, all at zero. */
  startHours(from: number): void {
    this.#values[hoursFromAt] = from;
    this.#values.fill(0, hoursAt, hoursAt + boardHours);
  }

  /** Starts everything again, all at zero. */
  clear(): void {
    this.#values.fill(0);
  }

  #add(index: number, value: number): void {
    this.#values[index] = (this.#values[index] ?? 0) + value;
  }
}

function stateOf(values: number[]): BoardState {
  const named = Object.fromEntries(fields.map((field, index) => [field, values[index]])) as Record<BoardField, number>;
  return {
    ...named,
    byCategory: values.slice(categoriesAt, hoursFromAt),
    hoursFrom: values[hoursFromAt] ?? 0,
    byHour: values.slice(hoursAt, valuesCount),
  };
}
