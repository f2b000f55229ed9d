/**
 * Client-made ids, in memory shared by all shards: at least the last million of them.
 *
 * Invariants:
 * - An id is in one state: pending (claimed by a shard, its group not yet durable) or durable. A pending id counts as a
 *   duplicate only in the shard that claimed it, because only there its group is committed first.
 * - Claims of a request are all or nothing. A request that meets another shard's pending id holds nothing while it
 *   waits, so no two requests wait for each other.
 * - Two generations: when the newer one is full, the older one is emptied and becomes the newer, but never while it
 *   holds a pending id.
 * - One lock for the table, held for microseconds; for milliseconds at a rotation or a recovery. Every step is
 *   idempotent, so a thread that dies with the lock leaves a sound table: a slot's state is written last, and an
 *   emptied generation is empty.
 */
import { invariant } from "../../base/invariant.ts";
import { contentUnknown } from "../../store/ids/blocks.ts";

/** A generation takes this many ids before the next one starts, so at least this many of the latest are known. */
export const idsKeptMin = 1_000_000;

/** Slots of a generation: 1.5 times its ids, so that a search ends after a few steps. */
const slotsPerGeneration = 1_500_000;

/** While the older generation cannot be emptied, the newer one takes up to this many ids. */
const idsPerGenerationMax = Math.floor(slotsPerGeneration * 0.8);

/** 32-bit words of an id. */
export const idWords = 4;
const slotWords = idWords + 1;

/** A slot's last word: 2 bits of state, 6 of shard, 24 of content. Zero: the slot was never used. */
const statePending = 1;
const stateDurable = 2;
const stateFreed = 3;
const markOf = (state: number, shard: number, content: number) => (state << 30) | (shard << 24) | content;
const stateOf = (mark: number) => mark >>> 30;
const shardOf = (mark: number) => (mark >>> 24) & 0x3f;
const contentOf = (mark: number) => mark & 0xffffff;
const generationOf = (slot: number) => (slot < slotsPerGeneration ? 0 : 1);

/** Header words: the lock (0, or its holder's shard + 1), the seed, the newer generation, then the counts of each. */
const lockAt = 0;
const seedAt = 1;
const newerAt = 2;
const usedAt = 3;
const pendingAt = 5;
const headerWords = 16;

/** What a claim found for an id. */
export type ClaimOutcome = "claimed" | "duplicate" | "conflict";

/** Ids of a request and the checksums of their contents. */
export type Claims = { words: Uint32Array; contents: Uint32Array; count: number };

/** Memory for one table. Its pages are zero until ids come, so an empty table costs almost no memory. */
export function createIdTableMemory(): SharedArrayBuffer {
  const memory = new SharedArrayBuffer((headerWords + 2 * slotsPerGeneration * slotWords) * 4);
  // A random seed for each process: no client can choose ids that all hash to one slot.
  crypto.getRandomValues(new Uint32Array(memory, seedAt * 4, 1));
  return memory;
}

/** The table, as one shard sees it. */
export class IdTable {
  readonly #header: Int32Array;
  readonly #slots: Uint32Array;
  readonly #shard: number;
  readonly #seed: number;

  constructor(memory: SharedArrayBuffer, shard: number) {
    this.#header = new Int32Array(memory, 0, headerWords);
    this.#slots = new Uint32Array(memory, headerWords * 4);
    this.#shard = shard;
    this.#seed = this.#header[seedAt] ?? 0;
  }

  /**
   * Claims every new id of a request, and returns the outcome of each id. Returns undefined, with nothing claimed, if
   * one of them is pending in another shard or there is no room; the caller can retry a moment later.
   */
  claim(claims: Claims): ClaimOutcome[] | undefined {
    const outcomes: ClaimOutcome[] = [];
    this.#lock();
    try {
      this.#rotateIfFull();
      if (this.#count(usedAt, this.#newer) + claims.count > idsPerGenerationMax) return undefined;
      for (let index = 0; index < claims.count; index++) {
        const outcome = this.#claimOne(claims.words, index * idWords, claims.contents[index] ?? 0);
        if (outcome === undefined) {
          for (let claimed = 0; claimed < index; claimed++)
            if (outcomes[claimed] === "claimed") this.#mark(claims.words, claimed * idWords, stateFreed, 0);
          return undefined;
        }
        outcomes.push(outcome);
      }
    } finally {
      this.#unlock();
    }
    return outcomes;
  }

  /** Marks ids that this shard claimed as durable: from now on they are duplicates in every shard. */
  settle(claims: Claims): void {
    this.#markAll(claims, stateDurable);
  }

  /** Frees ids that this shard claimed and whose group failed. */
  release(claims: Claims): void {
    this.#markAll(claims, stateFreed);
  }

  /** Enters ids that are already durable: at start, and when a shard recovers. */
  enter(claims: Claims): void {
    this.#lock();
    try {
      for (let index = 0; index < claims.count; index++) {
        this.#rotateIfFull();
        // Happens only when a dead shard's pending ids block the rotation and the newer generation is full. Room comes
        // first, so those pending ids are dropped.
        if (this.#count(usedAt, this.#newer) >= idsPerGenerationMax) this.#rotate();
        const content = claims.contents[index] ?? 0;
        const slot = this.#find(claims.words, index * idWords);
        if (slot === undefined) this.#insert(claims.words, index * idWords, markOf(stateDurable, this.#shard, content));
        else this.#setMark(slot, markOf(stateDurable, this.#shard, content));
      }
    } finally {
      this.#unlock();
    }
  }

  /**
   * Frees the ids that this shard's last run left pending. Called by a recovering shard, after it has entered the ids
   * in its journal.
   */
  releasePending(): void {
    this.#lock();
    try {
      // The counters are never too low, so zero can be trusted. Scanning every slot would delay the start by 20 ms a
      // shard.
      for (const generation of [0, 1]) if (this.#count(pendingAt, generation) > 0) this.#releasePendingOf(generation);
    } finally {
      this.#unlock();
    }
  }

  /** For the main thread, after this shard's thread has ended: releases the lock if the thread held it. */
  unlockAfterDeath(): void {
    if (Atomics.compareExchange(this.#header, lockAt, this.#shard + 1, 0) === this.#shard + 1)
      Atomics.notify(this.#header, lockAt);
  }

  #claimOne(words: Uint32Array, at: number, content: number): ClaimOutcome | undefined {
    const slot = this.#find(words, at);
    if (slot === undefined) {
      this.#insert(words, at, markOf(statePending, this.#shard, content));
      return "claimed";
    }
    const mark = this.#markAt(slot);
    if (stateOf(mark) === stateFreed) {
      const pending = markOf(statePending, this.#shard, content);
      // Always into the newer generation: in the older one it would be forgotten too early.
      if (generationOf(slot) === this.#newer) this.#setMark(slot, pending);
      else this.#insert(words, at, pending);
      return "claimed";
    }
    if (stateOf(mark) === statePending && shardOf(mark) !== this.#shard) return undefined;
    const known = contentOf(mark);
    return known === content || known === contentUnknown ? "duplicate" : "conflict";
  }

  #markAll(claims: Claims, state: number): void {
    this.#lock();
    try {
      for (let index = 0; index < claims.count; index++)
        this.#mark(claims.words, index * idWords, state, claims.contents[index] ?? 0);
    } finally {
      this.#unlock();
    }
  }

  #mark(words: Uint32Array, at: number, state: number, content: number): void {
    const slot = this.#find(words, at);
    const mark = markOf(state, this.#shard, content);
    if (slot !== undefined) this.#setMark(slot, mark);
    else if (state === stateDurable) this.#insert(words, at, mark);
  }

  /** Slot of an id; undefined when it is in neither generation. An empty one is not looked into: its memory is cold. */
  #find(words: Uint32Array, at: number): number | undefined {
    const found = this.#findIn(this.#newer, words, at);
    if (found !== undefined || this.#count(usedAt, 1 - this.#newer) === 0) return found;
    return this.#findIn(1 - this.#newer, words, at);
  }

  #findIn(generation: number, words: Uint32Array, at: number): number | undefined {
    const slots = this.#slots;
    const first = generation * slotsPerGeneration;
    let place = this.#hash(words, at);
    for (;;) {
      const word = (first + place) * slotWords;
      if (slots[word + idWords] === 0) return undefined;
      if (
        slots[word] === words[at] &&
        slots[word + 1] === words[at + 1] &&
        slots[word + 2] === words[at + 2] &&
        slots[word + 3] === words[at + 3]
      )
        return first + place;
      place = (place + 1) % slotsPerGeneration;
    }
  }

  #insert(words: Uint32Array, at: number, mark: number): void {
    const generation = this.#newer;
    invariant(this.#count(usedAt, generation) < slotsPerGeneration - 1, "the id table has room");
    const first = generation * slotsPerGeneration;
    let place = this.#hash(words, at);
    while (this.#slots[(first + place) * slotWords + idWords] !== 0) place = (place + 1) % slotsPerGeneration;
    const word = (first + place) * slotWords;
    for (let index = 0; index < idWords; index++) this.#slots[word + index] = words[at + index] ?? 0;
    this.#add(usedAt, generation, 1);
    this.#setMark(first + place, mark);
  }

  #hash(words: Uint32Array, at: number): number {
    let hash = this.#seed;
    for (let index = 0; index < idWords; index++) {
      hash = Math.imul(hash ^ (words[at + index] ?? 0), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return (hash >>> 0) % slotsPerGeneration;
  }

  #markAt(slot: number): number {
    return this.#slots[slot * slotWords + idWords] ?? 0;
  }

  #setMark(slot: number, mark: number): void {
    const generation = generationOf(slot);
    const change = Number(stateOf(mark) === statePending) - Number(stateOf(this.#markAt(slot)) === statePending);
    // An increment comes before the mark, a decrement after it: a thread that dies in between leaves no pending id
    // uncounted.
    if (change > 0) this.#add(pendingAt, generation, change);
    this.#slots[slot * slotWords + idWords] = mark;
    if (change < 0) this.#add(pendingAt, generation, change);
  }

  #rotateIfFull(): void {
    const newer = this.#newer;
    if (this.#count(usedAt, newer) < idsKeptMin) return;
    if (this.#count(pendingAt, 1 - newer) > 0) return;
    this.#rotate();
  }

  #rotate(): void {
    const older = 1 - this.#newer;
    this.#slots.fill(0, older * slotsPerGeneration * slotWords, (older + 1) * slotsPerGeneration * slotWords);
    this.#header[usedAt + older] = 0;
    this.#header[pendingAt + older] = 0;
    this.#header[newerAt] = older;
  }

  /** Frees this shard's pending ids in a generation, and corrects a counter that a dead thread left too high. */
  #releasePendingOf(generation: number): void {
    let pendingElsewhere = 0;
    for (let slot = generation * slotsPerGeneration; slot < (generation + 1) * slotsPerGeneration; slot++) {
      const mark = this.#markAt(slot);
      if (stateOf(mark) !== statePending) continue;
      if (shardOf(mark) === this.#shard) this.#setMark(slot, markOf(stateFreed, this.#shard, 0));
      else pendingElsewhere++;
    }
    this.#header[pendingAt + generation] = pendingElsewhere;
  }

  get #newer(): number {
    return this.#header[newerAt] ?? 0;
  }

  #count(counterAt: number, generation: number): number {
    return this.#header[counterAt + generation] ?? 0;
  }

  #add(counterAt: number, generation: number, change: number): void {
    this.#header[counterAt + generation] = this.#count(counterAt, generation) + change;
  }

  #lock(): void {
    for (;;) {
      const holder = Atomics.compareExchange(this.#header, lockAt, 0, this.#shard + 1);
      if (holder === 0) return;
      // Bounded: if the lock is released between the two calls, the wait is a millisecond at most.
      Atomics.wait(this.#header, lockAt, holder, 1);
    }
  }

  #unlock(): void {
    Atomics.store(this.#header, lockAt, 0);
    Atomics.notify(this.#header, lockAt, 1);
  }
}
