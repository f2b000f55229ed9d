/** The hashes of keys of all objects around a position, outermost first, to find two that are the same. */

/** Up to this many keys of an object are compared one by one; more are sorted at its end. */
const comparedMax = 64;

/** Room for hashes at first, and how much is kept from body to body. A hash takes 4 bytes. */
const hashesAtFirst = 1_024;
const hashesKeptMax = 65_536;

/** A stack of hashes. */
export class KeyStack {
  #hashes = new Int32Array(hashesAtFirst);
  /** How many hashes are on the stack: where the keys of the next object begin. */
  end = 0;

  /** Forgets everything, for the next body. */
  clear(): void {
    this.end = 0;
    if (this.#hashes.length > hashesKeptMax) this.#hashes = new Int32Array(hashesAtFirst);
  }

  /**
   * Adds a key to the innermost object, whose keys begin at `first`. Returns false if it is already seen to be the
   * second one with this hash.
   */
  push(first: number, hash: number): boolean {
    const { end } = this;
    if (end === this.#hashes.length) this.#grow();
    const hashes = this.#hashes;
    hashes[end] = hash;
    this.end = end + 1;
    if (end - first >= comparedMax) return true;
    for (let index = first; index < end; index++) if (hashes[index] === hash) return false;
    return true;
  }

  /**
   * Removes the keys of the innermost object. Returns false if two of them have the same hash that `push` has not seen.
   */
  pop(first: number): boolean {
    const keys = this.end - first;
    this.end = first;
    if (keys <= comparedMax) return true;
    // Sorting takes 7 ns a key, a set 45 and a table of our own 35. No choice of keys makes it slow.
    const sorted = this.#hashes.subarray(first, first + keys).sort();
    for (let index = 1; index < keys; index++) if (sorted[index] === sorted[index - 1]) return false;
    return true;
  }

  #grow(): void {
    const larger = new Int32Array(this.#hashes.length * 2);
    larger.set(this.#hashes);
    this.#hashes = larger;
  }
}
