/**
 * Ids for rows that have none, made from the file's name, the row's content, and how many rows with the same content
 * came before it in files of that name. So importing a file again makes the same ids, wherever a row is in it.
 */
import { isRecord } from "../event/parse/parse.ts";

/** Initial number of slots; it doubles when three quarters are taken. */
const slotsMin = 1 << 16;

/** A slot holds the first 64 bits of a row's digest and how often it came. 32-bit words. */
const slotWords = 3;

/**
 * Makes ids. It keeps 12 to 32 bytes for each different row without an id: about 300 MB for ten million. Two rows whose
 * digests agree in 64 bits are counted together, which only makes the second one's number higher.
 */
export class ContentIds {
  #slots = new Uint32Array(slotsMin * slotWords);
  #taken = 0;

  /** The id of the next row with the content of `row` in a file of this name. */
  next(source: string, row: unknown): string {
    const digest = new Bun.CryptoHasher("sha256").update(`${source}\0${contentOf(row)}`).digest();
    const before = this.#count(digest.readUInt32LE(0), digest.readUInt32LE(4));
    const hex = new Bun.CryptoHasher("sha256").update(digest).update(`${before}`).digest("hex");
    // A UUID of version 8 (RFC 9562, 5.8).
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  }

  /** Counts these 64 bits, and returns how often they came before. */
  #count(first: number, second: number): number {
    if (this.#taken * 4 >= (this.#slots.length / slotWords) * 3) this.#grow();
    const at = slotOf(this.#slots, first, second);
    const before = this.#slots[at + 2] ?? 0;
    if (before === 0) this.#taken += 1;
    this.#slots.set([first, second, before + 1], at);
    return before;
  }

  #grow(): void {
    const old = this.#slots;
    const slots = new Uint32Array(old.length * 2);
    for (let at = 0; at < old.length; at += slotWords) {
      const slot = old.subarray(at, at + slotWords);
      if (slot[2] !== 0) slots.set(slot, slotOf(slots, slot[0] ?? 0, slot[1] ?? 0));
    }
    this.#slots = slots;
  }
}

/** The slot of a digest, or the free slot where it belongs. */
function slotOf(slots: Uint32Array, first: number, second: number): number {
  const count = slots.length / slotWords;
  let place = first % count;
  for (;;) {
    const at = place * slotWords;
    if (slots[at + 2] === 0 || (slots[at] === first && slots[at + 1] === second)) return at;
    place = (place + 1) % count;
  }
}

/** A row's content in a fixed order of columns: all of them, including those that are not stored. */
function contentOf(row: unknown): string {
  if (!isRecord(row)) return JSON.stringify(row);
  const names = Object.keys(row).filter((name) => row[name] !== null && row[name] !== undefined);
  return JSON.stringify(names.sort().map((name) => [name, row[name]]));
}
