/** Client-made ids in the order of their acceptance, for the id table and the id log. */
import { writeEventId } from "../../event/event-id.ts";
import { type Claims, idWords } from "./id-table.ts";

/** Room at first, and how much a list keeps when it is cleared. An id takes 20 bytes. */
const idsAtFirst = 16;
const idsKeptMax = 16_384;

/** A growing list of ids with the checksums of their contents. */
export class IdList implements Claims {
  #words: Uint32Array;
  #contents: Uint32Array;
  #count = 0;

  /** Room for this many ids before it grows. */
  constructor(capacity = idsAtFirst) {
    this.#words = new Uint32Array(capacity * idWords);
    this.#contents = new Uint32Array(capacity);
  }

  get words(): Uint32Array {
    return this.#words;
  }

  get contents(): Uint32Array {
    return this.#contents;
  }

  get count(): number {
    return this.#count;
  }

  /** Adds an id, given in its canonical spelling. */
  add(eventId: string, content: number): void {
    this.#makeRoom(1);
    writeEventId(eventId, this.#words, this.#count * idWords);
    this.#contents[this.#count] = content;
    this.#count += 1;
  }

  /** Adds all of another list's ids. */
  addAll(other: Claims): void {
    this.#makeRoom(other.count);
    const words = this.#words;
    const from = this.#count * idWords;
    // Copied one by one: most lists are short, and a view for `set` would be larger than they are.
    for (let index = 0; index < other.count * idWords; index++) words[from + index] = other.words[index] ?? 0;
    for (let index = 0; index < other.count; index++) this.#contents[this.#count + index] = other.contents[index] ?? 0;
    this.#count += other.count;
  }

  /** Removes all ids. */
  clear(): void {
    this.#count = 0;
    if (this.#contents.length <= idsKeptMax) return;
    this.#words = new Uint32Array(idsAtFirst * idWords);
    this.#contents = new Uint32Array(idsAtFirst);
  }

  /** A list of the ids whose mark is not 1. */
  without(marks: Uint8Array): IdList {
    const rest = new IdList(this.#count);
    for (let index = 0; index < this.#count; index++) {
      if (marks[index] === 1) continue;
      const at = index * idWords;
      rest.#words.set(this.#words.subarray(at, at + idWords), rest.#count * idWords);
      rest.#contents[rest.#count] = this.#contents[index] ?? 0;
      rest.#count += 1;
    }
    return rest;
  }

  #makeRoom(more: number): void {
    const needed = this.#count + more;
    if (needed <= this.#contents.length) return;
    const capacity = Math.max(needed, this.#contents.length * 2);
    const words = new Uint32Array(capacity * idWords);
    words.set(this.#words);
    const contents = new Uint32Array(capacity);
    contents.set(this.#contents);
    this.#words = words;
    this.#contents = contents;
  }
}
