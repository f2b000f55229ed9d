/**
 * Follows the journals of all shards for all readers of the tail. It reads each group once for the readers that are up
 * to date, and makes one message of each event for all that want it.
 *
 * Invariants:
 * - A reader is in one place: up to date, where it gets each event as it is read; or behind, as a `Laggard`.
 * - It changes places between two events, in one step, so it loses none and gets none twice.
 * - Each step reads a bounded number of bytes; between two steps the readers' answers are heard.
 */
import { sequence } from "../base/brand.ts";
import { invariant } from "../base/invariant.ts";
import { JournalCursor } from "../journal/cursor.ts";
import type { DataFolder } from "../store/folder/names.ts";
import { eventRows, type TailEvent } from "./events.ts";
import { eventJson, fits, membersOf } from "./filter.ts";
import { journalsOf, placeOf, retiredEnds } from "./held.ts";
import { Laggard } from "./laggard.ts";
import { eventMessage, gapMessage } from "./message.ts";
import type { Position } from "./position.ts";
import type { FollowerNotice, FollowerRequest } from "./protocol.ts";
import { TailReader } from "./reader.ts";

/** How often it is seen whether open files were removed. ms */
const releaseEveryMs = 1_000;

/** The journals of a data folder, and who reads them. */
export class Follower {
  readonly #folder: DataFolder;
  readonly #epoch: number;
  readonly #tell: (notice: FollowerNotice) => void;
  readonly #nowMs: () => number;
  /** By the number of each running shard: its last durable event. */
  #ends: Position = [];
  /** Where the readers that are up to date are; retired shards have no events after it. */
  #position: number[] = [];
  readonly #cursors: JournalCursor[] = [];
  readonly #live = new Map<number, TailReader>();
  readonly #behind = new Map<number, Laggard>();
  #releasedMs = 0;

  constructor(
    folder: DataFolder,
    given: { epoch: number; tell: (notice: FollowerNotice) => void; nowMs: () => number },
  ) {
    this.#folder = folder;
    this.#epoch = given.epoch;
    this.#tell = given.tell;
    this.#nowMs = given.nowMs;
  }

  /** Takes what the service asks. */
  take(request: FollowerRequest): void {
    switch (request.kind) {
      case "ends":
        if (this.#cursors.length === 0) this.#begin(request.ends);
        this.#ends = request.ends;
        return;
      case "attach":
        this.#attach(request);
        return;
      case "taken":
        this.#readerOf(request.reader)?.taken(request.bytes, this.#nowMs());
        return;
      default:
        this.#live.delete(request.reader);
        this.#behind.get(request.reader)?.[Symbol.dispose]();
        this.#behind.delete(request.reader);
    }
  }

  /** One step for all readers. Returns whether there is more to read at once. */
  step(): boolean {
    let hasMore = false;
    for (const shard of this.#cursors.keys()) if (this.#readShard(shard)) hasMore = true;
    const nowMs = this.#nowMs();
    for (const reader of this.#live.values()) reader.send(nowMs);
    for (const laggard of this.#behind.values()) this.#stepOf(laggard, nowMs);
    if (nowMs - this.#releasedMs > releaseEveryMs) this.#release(nowMs);
    return hasMore;
  }

  /** Starts at the end: what came before is read by readers that resume. */
  #begin(ends: Position): void {
    this.#position = [...ends];
    for (const [shard, to] of retiredEnds(this.#folder, ends.length)) this.#position[shard] = to;
    for (let shard = 0; shard < this.#position.length; shard++) this.#position[shard] ??= 0;
    for (const [shard, end] of ends.entries()) {
      const list = () => journalsOf(this.#folder, shard);
      this.#cursors.push(new JournalCursor(sequence(end + 1), { list, readsRemoved: true }));
    }
  }

  #attach(asked: Extract<FollowerRequest, { kind: "attach" }>): void {
    const { reader: id, filter, position, isResuming } = asked;
    const nowMs = this.#nowMs();
    const { start, hasGap } = this.#startOf(position, isResuming);
    const reader = new TailReader({ id, epoch: this.#epoch, filter, position: start, tell: this.#tell, nowMs });
    if (hasGap || asked.hasGap) reader.add(gapMessage(null), start);
    reader.send(nowMs);
    this.#behind.set(id, new Laggard(reader, this.#folder, isResuming));
  }

  /** Where a reader starts, and whether events between its position and that place are not held any more. */
  #startOf(position: Position, isResuming: boolean): { start: Position; hasGap: boolean } {
    // A position past what there ever was is of another folder, or of one that was restored.
    let hasGap = position.slice(this.#position.length).some((sequenceOf) => sequenceOf > 0);
    const start = this.#position.map((current, shard) => {
      const end = Math.max(current, this.#ends[shard] ?? 0);
      // A new reader names running shards alone; retired ones have no new events.
      const from = position[shard] ?? (isResuming ? 0 : end);
      if (from > end) {
        hasGap = true;
        return end;
      }
      if (from === end || !isResuming) return from;
      const place = placeOf(this.#folder, { shard, next: from + 1 });
      if (place.kind !== "lost") return from;
      hasGap = true;
      return place.held === undefined ? end : Math.min(end, place.held - 1);
    });
    return { start, hasGap };
  }

  #readerOf(id: number): TailReader | undefined {
    return this.#live.get(id) ?? this.#behind.get(id)?.reader;
  }

  /** Reads some groups of a shard for the readers that are up to date. Returns whether there may be more. */
  #readShard(shard: number): boolean {
    const cursor = this.#cursors[shard];
    const end = this.#ends[shard];
    invariant(cursor !== undefined && end !== undefined, "each running shard has a cursor and an end");
    if (this.#live.size === 0) {
      // Nobody is up to date: nothing is read, and whoever is behind has less to catch up with.
      this.#moveTo(shard, end);
      return false;
    }
    const found = cursor.take(end);
    if (found.kind === "end") return false;
    if (found.kind === "gone") {
      // This process had no turn for so long that a file was sealed and removed: its events are in segments.
      for (const reader of this.#live.values()) this.#fallBehind(reader, this.#position);
      this.#moveTo(shard, end);
      return false;
    }
    for (const rows of found.groups) for (const event of eventRows(rows)) this.#pass(shard, event);
    return cursor.next <= end;
  }

  /** Passes one event on to all who want it. */
  #pass(shard: number, event: TailEvent): void {
    const before = this.#position;
    this.#position = before.with(shard, event.sequence);
    const members = membersOf(event.line.toString());
    let text: string | undefined;
    for (const reader of this.#live.values()) {
      if (!fits(members, reader.filter)) continue;
      if (reader.isMissing) reader.miss(1, this.#position);
      else if (reader.hasRoom) {
        text ??= eventMessage(reader.placeAt(this.#position), eventJson(members));
        reader.add(text, this.#position);
      } else this.#fallBehind(reader, before);
    }
  }

  #fallBehind(reader: TailReader, position: Position): void {
    this.#live.delete(reader.id);
    reader.send(this.#nowMs());
    reader.position = position;
    this.#behind.set(reader.id, new Laggard(reader, this.#folder, false));
  }

  #stepOf(laggard: Laggard, nowMs: number): void {
    const { reader } = laggard;
    const step = laggard.step(this.#position, nowMs);
    if (step.kind === "waits") return;
    this.#behind.delete(reader.id);
    laggard[Symbol.dispose]();
    if (step.kind === "level") this.#live.set(reader.id, reader);
    else this.#tell({ ...step, reader: reader.id, position: reader.position });
  }

  #moveTo(shard: number, end: number): void {
    if (this.#position[shard] === end) return;
    this.#position = this.#position.with(shard, end);
    this.#cursors[shard]?.moveTo(sequence(end + 1));
  }

  #release(nowMs: number): void {
    this.#releasedMs = nowMs;
    for (const cursor of this.#cursors) cursor.releaseRemoved();
    for (const laggard of this.#behind.values()) laggard.releaseRemoved();
  }
}
