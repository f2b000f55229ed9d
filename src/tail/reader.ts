/**
 * What waits to be sent to one reader of the tail, in bounded memory.
 *
 * Invariant: a message is sent whole or left out; what is left out is counted, and told in its place by a gap.
 */
import type { TailFilter } from "./filter.ts";
import { gapMessage } from "./message.ts";
import type { Place, Position } from "./position.ts";
import type { FollowerNotice } from "./protocol.ts";

/** Sent to the service and not yet taken by the reader, at most; only the last message may exceed it. Bytes. */
const underWayBytesMax = 256 * 1024;

/** A reader's messages, and what it wants. */
export class TailReader {
  readonly id: number;
  readonly filter: TailFilter;
  readonly #epoch: number;
  readonly #tell: (notice: FollowerNotice) => void;
  #text = "";
  #underWayBytes = 0;
  #missed = 0;
  #tookAtMs: number;
  /** Where it is after everything that was added. */
  position: Position;

  constructor(given: {
    id: number;
    epoch: number;
    filter: TailFilter;
    position: Position;
    tell: (notice: FollowerNotice) => void;
    nowMs: number;
  }) {
    this.id = given.id;
    this.#epoch = given.epoch;
    this.filter = given.filter;
    this.position = given.position;
    this.#tell = given.tell;
    this.#tookAtMs = given.nowMs;
  }

  /** A position as it is sent. */
  placeAt(position: Position): Place {
    return { epoch: this.#epoch, position };
  }

  /** Whether a message may be added. */
  get hasRoom(): boolean {
    return this.#missed === 0 && this.#underWayBytes + this.#text.length < underWayBytesMax;
  }

  /** Whether a gap has begun that is not told yet. */
  get isMissing(): boolean {
    return this.#missed > 0;
  }

  /** For how long it has taken nothing of what it was sent. ms */
  stalledMs(nowMs: number): number {
    return this.#underWayBytes === 0 ? 0 : nowMs - this.#tookAtMs;
  }

  /** Adds a message. REQUIRES: `hasRoom`. */
  add(text: string, position: Position): void {
    this.#text += text;
    this.position = position;
  }

  /** Leaves out this many events before a position. */
  miss(events: number, position: Position): void {
    this.position = position;
    if (events === 0) return;
    this.#missed += events;
    this.#tell({ kind: "missed", events });
  }

  /** The reader has taken bytes. */
  taken(bytes: number, nowMs: number): void {
    this.#underWayBytes -= bytes;
    this.#tookAtMs = nowMs;
    this.send(nowMs);
  }

  /** Sends what was added; a gap once everything before it was taken. */
  send(nowMs: number): void {
    if (this.#missed > 0 && this.#underWayBytes === 0) {
      this.#text += gapMessage(this.#missed);
      this.#missed = 0;
    }
    if (this.#text === "") return;
    const text = Buffer.from(this.#text);
    this.#text = "";
    if (this.#underWayBytes === 0) this.#tookAtMs = nowMs;
    this.#underWayBytes += text.byteLength;
    this.#tell({ kind: "messages", reader: this.id, text, position: this.position });
  }
}
