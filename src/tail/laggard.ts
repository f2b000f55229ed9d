/**
 * A reader that is not where the others are: it resumes from an earlier position, or took less than there was. It reads
 * the journal with cursors of its own, only as fast as it takes messages, until it is where the others are.
 */
import { sequence, shardId } from "../base/brand.ts";
import { type CursorRows, JournalCursor } from "../journal/cursor.ts";
import type { DataFolder } from "../store/folder/names.ts";
import { eventRows, matching } from "./events.ts";
import { journalsOf, placeOf } from "./held.ts";
import { eventMessage, gapMessage } from "./message.ts";
import type { Position } from "./position.ts";
import type { TailReader } from "./reader.ts";

/**
 * A reader that has taken nothing for this long, while what it was sent waits, is slow: what follows is left out and
 * counted. Its network may hold megabytes beside that. ms
 */
const stalledMsMax = 1_000;

/**
 * A reader that was up to date and is this far behind, with events that are sealed, is slow, too: it would be shown the
 * past without end. Events.
 */
const behindEventsMax = 200_000;

/** Pause before an event is looked for again that neither journal nor segments have: it is being sealed. ms */
const lookAgainMs = 100;

/**
 * What a step of a laggard ends with. `waits`: for its reader, or for a moment. `level`: it is where the others are.
 * `sealed`: segments have its next event.
 */
type LaggardStep =
  | { kind: "waits" }
  | { kind: "level" }
  | { kind: "sealed"; shard: number; to: number; isResuming: boolean };

/** Brings one reader to where the others are. */
export class Laggard implements Disposable {
  readonly reader: TailReader;
  readonly #folder: DataFolder;
  /** Whether it named its position: it then gets all that is held. Otherwise it was here, and may become slow. */
  readonly #isResuming: boolean;
  readonly #cursors = new Map<number, JournalCursor>();
  readonly #position: number[];
  #lookAtMs = 0;

  constructor(reader: TailReader, folder: DataFolder, isResuming: boolean) {
    this.reader = reader;
    this.#folder = folder;
    this.#isResuming = isResuming;
    this.#position = [...reader.position];
  }

  /** Reads what there is room for, up to `goal`. */
  step(goal: Position, nowMs: number): LaggardStep {
    const isStalled = !this.reader.hasRoom && this.reader.stalledMs(nowMs) > stalledMsMax;
    if (isStalled && !this.#isResuming) return this.#skip(goal);
    if (nowMs < this.#lookAtMs) return { kind: "waits" };
    while (this.reader.hasRoom) {
      const shard = this.#furthest(goal);
      if (shard === undefined) return { kind: this.#isAhead(goal) ? "waits" : "level" };
      const found = this.#cursorOf(shard).take(goal[shard] ?? 0);
      if (found.kind === "rows") for (const rows of found.groups) this.#add(shard, rows);
      else if (found.kind === "gone") {
        const behind = (goal[shard] ?? 0) - (this.#position[shard] ?? 0);
        if (behind > behindEventsMax && !this.#isResuming) return this.#skip(goal);
        const step = this.#lookElsewhere(shard, goal, nowMs);
        if (step !== undefined) return step;
      }
      this.reader.send(nowMs);
    }
    return { kind: "waits" };
  }

  /** The shard that has the most events to be read; undefined if none has. */
  #furthest(goal: Position): number | undefined {
    let furthest: number | undefined;
    let mostEvents = 0;
    for (const [shard, to] of goal.entries()) {
      const events = to - (this.#position[shard] ?? 0);
      if (events <= mostEvents) continue;
      mostEvents = events;
      furthest = shard;
    }
    return furthest;
  }

  /**
   * Whether it has had events that the others have not: it resumes from the newest event, and they are still reading.
   * Among them it would get those events a second time.
   */
  #isAhead(goal: Position): boolean {
    return this.#position.some((at, shard) => at > (goal[shard] ?? 0));
  }

  #cursorOf(shard: number): JournalCursor {
    const known = this.#cursors.get(shard);
    if (known !== undefined) return known;
    const list = () => journalsOf(this.#folder, shard);
    const next = sequence((this.#position[shard] ?? 0) + 1);
    const cursor = new JournalCursor(next, { list, readsRemoved: false });
    this.#cursors.set(shard, cursor);
    return cursor;
  }

  /** Adds the events that its reader wants of some rows. All of them are added, so they may exceed the room. */
  #add(shard: number, rows: CursorRows): void {
    for (const event of eventRows(rows)) {
      this.#position[shard] = event.sequence;
      const json = matching(event, this.reader.filter);
      if (json !== undefined) {
        const position = [...this.#position];
        this.reader.add(eventMessage(this.reader.placeAt(position), json), position);
      }
    }
    this.reader.position = [...this.#position];
  }

  /** No journal has the next event of a shard. Undefined: it is not held, and the next one that is comes now. */
  #lookElsewhere(shard: number, goal: Position, nowMs: number): LaggardStep | undefined {
    const next = (this.#position[shard] ?? 0) + 1;
    const place = placeOf(this.#folder, { shard: shardId(shard), next });
    if (place.kind === "sealed") return { kind: "sealed", shard, to: place.to, isResuming: this.#isResuming };
    if (place.kind === "journal") {
      this.#lookAtMs = nowMs + lookAgainMs;
      return { kind: "waits" };
    }
    const end = goal[shard] ?? 0;
    this.#moveTo(shard, Math.min(end, place.held === undefined ? end : place.held - 1));
    this.reader.add(gapMessage(null), [...this.#position]);
    return undefined;
  }

  /** Leaves out everything up to `goal`; what the journal has of it is counted by the reader's filter. */
  #skip(goal: Position): LaggardStep {
    let events = 0;
    for (const [shard, to] of goal.entries()) {
      if (to <= (this.#position[shard] ?? 0)) continue;
      const cursor = this.#cursorOf(shard);
      for (let found = cursor.take(to); found.kind !== "end"; found = cursor.take(to)) {
        if (found.kind === "gone") {
          events += to + 1 - cursor.next;
          break;
        }
        for (const rows of found.groups)
          for (const event of eventRows(rows)) if (matching(event, this.reader.filter) !== undefined) events++;
      }
      this.#moveTo(shard, to);
    }
    this.reader.miss(events, [...this.#position]);
    return { kind: this.#isAhead(goal) ? "waits" : "level" };
  }

  #moveTo(shard: number, to: number): void {
    this.#position[shard] = to;
    this.#cursors.get(shard)?.moveTo(sequence(to + 1));
  }

  /** Closes files that were removed. */
  releaseRemoved(): void {
    for (const cursor of this.#cursors.values()) cursor.releaseRemoved();
  }

  [Symbol.dispose](): void {
    for (const cursor of this.#cursors.values()) cursor[Symbol.dispose]();
  }
}
