/**
 * A sorted file of ids that came with imported events, so that an id is found without keeping millions of them in
 * memory. The id table and the id logs hold the ids of live clients; an import of two million rows would push all of
 * them out.
 *
 * A file consists of blocks of 4 KiB, each with its own checksum. Offsets in a block, all little-endian:
 * - 0: magic, uint32
 * - 4: CRC-32, uint32, of everything after it
 * - 8: count, uint32: ids in this block; only the last block has fewer than 255
 * - 12: blocks, uint32: number of blocks in the file, so that a file that is cut off is noticed
 * - 16: ids, four words each, in ascending order over the whole file
 */

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { crc32 } from "../../base/crc32.ts";
import { writeAll } from "../../base/durable.ts";
import { MillraceError } from "../../base/errors.ts";
import { replaceDurably } from "../folder/kept-file.ts";

/** A block of a file of imported ids does not check, or the file is cut off; its ids are not known. */
export class ImportedIdsDamaged extends MillraceError {
  override readonly name = "ImportedIdsDamaged";
}

const magic = 0x4949494d;
const blockBytes = 4096;
const headBytes = 16;

/** 32-bit words of an id. */
const idWords = 4;
const idsPerBlock = (blockBytes - headBytes) / (idWords * 4);

/** First ids of up to this many blocks are kept in memory: 64 KiB. That is every block in a file of a million ids. */
const samplesMax = 4_096;

/** Compares two ids, by their words. */
export function compareIds(a: Uint32Array, aAt: number, b: Uint32Array, bAt: number): number {
  for (let word = 0; word < idWords; word++) {
    const difference = (a[aAt + word] ?? 0) - (b[bAt + word] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** An open file of imported ids. */
export class ImportedIdsFile implements Disposable {
  readonly path: string;
  readonly #descriptor: number;
  readonly #blocks: number;
  readonly #bytes = new Uint8Array(blockBytes);
  readonly #words = new Uint32Array(this.#bytes.buffer);
  /** Words of the first id of every `#step`th block. */
  readonly #samples: Uint32Array;
  readonly #step: number;

  /**
   * Opens a file.
   * @throws ImportedIdsDamaged when it is cut off; the system's error when it cannot be opened
   */
  static open(path: string): ImportedIdsFile {
    const descriptor = openSync(path, "r");
    try {
      const blocks = fstatSync(descriptor).size / blockBytes;
      if (!Number.isInteger(blocks) || blocks === 0) throw new ImportedIdsDamaged("is cut off");
      const step = Math.ceil(blocks / samplesMax);
      const samples = new Uint32Array(Math.ceil(blocks / step) * idWords);
      // Not checked, because that would read the whole file at a start. A wrong first id misleads a search, whose block
      // is then checked.
      for (let at = 0; at * step < blocks; at++)
        readSync(descriptor, samples, at * idWords * 4, idWords * 4, at * step * blockBytes + headBytes);
      return new ImportedIdsFile({ path, descriptor, blocks, step, samples });
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  }

  private constructor(given: {
    path: string;
    descriptor: number;
    blocks: number;
    step: number;
    samples: Uint32Array;
  }) {
    this.path = given.path;
    this.#descriptor = given.descriptor;
    this.#blocks = given.blocks;
    this.#step = given.step;
    this.#samples = given.samples;
  }

  /** Upper bound for the number of ids in the file. */
  get idsMax(): number {
    return this.#blocks * idsPerBlock;
  }

  /**
   * Whether an id is in the file. Takes a few microseconds; an id below the first one needs no read.
   * @throws ImportedIdsDamaged when the block where it would be does not check
   */
  has(words: Uint32Array, at: number): boolean {
    let from = lastNotAbove(this.#samples.length / idWords, (index) =>
      compareIds(this.#samples, index * idWords, words, at),
    );
    if (from === -1) return false;
    from *= this.#step;
    const blocks = Math.min(this.#step, this.#blocks - from);
    const within = blocks === 1 ? 0 : lastNotAbove(blocks, (index) => this.#compareFirst(from + index, words, at));
    const count = this.#read(from + Math.max(0, within));
    const found = lastNotAbove(count, (index) => compareIds(this.#words, headWords + index * idWords, words, at));
    return found !== -1 && compareIds(this.#words, headWords + found * idWords, words, at) === 0;
  }

  /**
   * All ids, a block at a time. A block is valid only until the next one is read.
   * @throws ImportedIdsDamaged at the first block that does not check
   */
  *all(): Generator<Uint32Array> {
    for (let block = 0; block < this.#blocks; block++) {
      const count = this.#read(block);
      yield this.#words.subarray(headWords, headWords + count * idWords);
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }

  #compareFirst(block: number, words: Uint32Array, at: number): number {
    this.#read(block);
    return compareIds(this.#words, headWords, words, at);
  }

  /** Reads a block and returns its number of ids. */
  #read(block: number): number {
    const bytes = readSync(this.#descriptor, this.#bytes, 0, blockBytes, block * blockBytes);
    const [found, checksum, count = 0, blocks] = this.#words;
    const isSound = bytes === blockBytes && found === magic && blocks === this.#blocks && count <= idsPerBlock;
    if (!isSound || crc32(this.#bytes.subarray(8)) !== checksum) throw this.#damaged(`block ${block} does not check`);
    return count;
  }

  #damaged(what: string): ImportedIdsDamaged {
    return new ImportedIdsDamaged(what);
  }
}

const headWords = headBytes / 4;

/** The last index whose comparison is not above zero; -1 if there is none. REQUIRES: comparisons ascend. */
function lastNotAbove(count: number, compare: (index: number) => number): number {
  let [low, high] = [-1, count - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (compare(middle) <= 0) low = middle;
    else high = middle - 1;
  }
  return low;
}

/**
 * Writes a file of imported ids, durably, under a temporary name and then its own. `sorted` yields `count` ids in
 * ascending order, one or more at a time. REQUIRES: at least one id.
 */
export function writeImportedIds(path: string, count: number, sorted: Iterable<Uint32Array>): void {
  replaceDurably(path, (descriptor) => {
    const writer = new BlockWriter(descriptor, Math.ceil(count / idsPerBlock));
    for (const words of sorted) for (let at = 0; at < words.length; at += idWords) writer.add(words, at);
    writer.finish();
  });
}

/** This many blocks are written with one call: a call for each block would take longer than the block itself. */
const blocksAtOnce = 64;

class BlockWriter {
  readonly #descriptor: number;
  readonly #blocks: number;
  readonly #bytes = new Uint8Array(blockBytes * blocksAtOnce);
  readonly #words = new Uint32Array(this.#bytes.buffer);
  #block = 0;
  #count = 0;

  constructor(descriptor: number, blocks: number) {
    this.#descriptor = descriptor;
    this.#blocks = blocks;
  }

  add(words: Uint32Array, at: number): void {
    const to = (this.#block * blockBytes) / 4 + headWords + this.#count * idWords;
    for (let word = 0; word < idWords; word++) this.#words[to + word] = words[at + word] ?? 0;
    this.#count += 1;
    if (this.#count === idsPerBlock) this.#close();
  }

  finish(): void {
    if (this.#count > 0) this.#close();
    this.#write();
  }

  #close(): void {
    const at = this.#block * blockBytes;
    this.#words.set([magic, 0, this.#count, this.#blocks], at / 4);
    this.#words[at / 4 + 1] = crc32(this.#bytes.subarray(at + 8, at + blockBytes));
    this.#block += 1;
    this.#count = 0;
    if (this.#block === blocksAtOnce) this.#write();
  }

  #write(): void {
    writeAll(this.#descriptor, this.#bytes.subarray(0, this.#block * blockBytes));
    this.#bytes.fill(0);
    this.#block = 0;
  }
}
