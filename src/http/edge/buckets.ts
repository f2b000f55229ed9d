/**
 * Token buckets by name, in bounded memory. A bucket holds one second's worth: it fills at its rate, and is full at
 * first.
 */
import { invariant } from "../../base/invariant.ts";

/** More than the clients of a service that are active in one second. 100 bytes each. */
const bucketsMaxDefault = 50_000;

/** How many buckets are looked at to find one that can go, so that a new name costs the same at any time. */
const lookedAtMax = 64;

/** What is left for one name. */
export class Bucket {
  #rate: number;
  #level: number;
  #atMs: number;

  /** Full at first. `rate`: units a second, above 0. */
  constructor(rate: number, nowMs: number) {
    this.#rate = rate;
    this.#level = rate;
    this.#atMs = nowMs;
  }

  /** Units a second. */
  get rate(): number {
    return this.#rate;
  }

  /** Units left at the last `fill` or `take`; below zero after a request that took more than there was. */
  get level(): number {
    return this.#level;
  }

  /** Adds what has come in since the last call. A changed rate counts from now on. */
  fill(rate: number, nowMs: number): void {
    const added = (this.#rate * Math.max(0, nowMs - this.#atMs)) / 1000;
    this.#level = Math.min(rate, this.#level + added);
    this.#rate = rate;
    this.#atMs = nowMs;
  }

  /** Takes units, also more than there are. */
  take(units: number): void {
    this.#level -= units;
  }

  /** Time until the level is above zero again; 0 if it is. Seconds. */
  get emptySeconds(): number {
    return this.#level > 0 ? 0 : -this.#level / this.#rate;
  }

  /** The share of a second's worth that it would hold at a time, at most 1. */
  shareAt(nowMs: number): number {
    return Math.min(1, this.#level / this.#rate + Math.max(0, nowMs - this.#atMs) / 1000);
  }
}

/**
 * The buckets of all names. A full bucket says nothing that a new one would not say, so full ones are forgotten first,
 * and then the fullest. A sender can have any number of names, if whoever signs its tokens lets it.
 */
export class Buckets {
  readonly #buckets = new Map<string, Bucket>();
  readonly #bucketsMax: number;

  constructor(bucketsMax = bucketsMaxDefault) {
    this.#bucketsMax = bucketsMax;
  }

  /** How many there are. */
  get size(): number {
    return this.#buckets.size;
  }

  /** The bucket of a name, filled until now. */
  at(name: string, rate: number, nowMs: number): Bucket {
    const known = this.#buckets.get(name);
    if (known !== undefined) {
      known.fill(rate, nowMs);
      return known;
    }
    if (this.#buckets.size >= this.#bucketsMax) this.#makeRoom(nowMs);
    const bucket = new Bucket(rate, nowMs);
    this.#buckets.set(name, bucket);
    return bucket;
  }

  /** Forgets the full ones of the next few buckets, or else the fullest of them. The others go to the end. */
  #makeRoom(nowMs: number): void {
    let fullest: { name: string; share: number } | undefined;
    let isRoom = false;
    const looked = [...this.#buckets.entries().take(lookedAtMax)];
    for (const [name, bucket] of looked) {
      const share = bucket.shareAt(nowMs);
      this.#buckets.delete(name);
      if (share >= 1) {
        isRoom = true;
        continue;
      }
      this.#buckets.set(name, bucket);
      if (fullest === undefined || share > fullest.share) fullest = { name, share };
    }
    if (isRoom) return;
    invariant(fullest !== undefined, "buckets past the bound are looked at");
    this.#buckets.delete(fullest.name);
  }
}
