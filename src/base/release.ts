/** Frees memory early: bodies come faster than the garbage collector runs. */
import { fullGC } from "bun:jsc";

/** Freeing takes 350 ns: less than collecting a large body, more than collecting a small one. Bytes. */
const releaseBytesMin = 4_096;

/**
 * Frees the memory of bytes that nobody will use again, now and not at some later garbage collection (seen: 280 MB of
 * them alive at 3,500 batches a second). Skips bytes that share their buffer with others.
 */
export function release(bytes: Uint8Array): void {
  if (bytes.byteLength < releaseBytesMin) return;
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength) buffer.transfer(0);
}

/** Inflating or parsing this much leaves several times as much garbage, of which little is still used. Bytes. */
const collectEveryBytes = 8 * 1024 * 1024;

/**
 * If the last collection was more recent than this, collect synchronously: concurrent collection cannot keep up (seen:
 * 790 MB resident instead of 480). ms
 */
const hurryMs = 500;

let parsedBytes = 0;
let collectedAtMs = 0;

/**
 * Collects this thread's garbage each time that `collectEveryBytes` were inflated or parsed. Left to itself, the heap
 * grows for a minute before a full collection, because strings that lived through one group count as old. If there is
 * time, it is collected concurrently: a synchronous collection takes 15 to 20 ms, which requests that arrive meanwhile
 * have to wait.
 */
export function collectAfter(bytes: number): void {
  parsedBytes += bytes;
  if (parsedBytes < collectEveryBytes) return;
  parsedBytes = 0;
  const nowMs = performance.now();
  Bun.gc(nowMs - collectedAtMs < hurryMs);
  collectedAtMs = nowMs;
}

/**
 * Of fewer requests the garbage is not worth a collection. At the pace of the calls, 20 a second, these are 2,000
 * requests a second.
 */
const youngRequestsMin = 100;

/**
 * Collects a thread's young garbage often, while there is little of it. A collection stops its thread for as long as it
 * takes: 0.8 ms where it comes 20 times a second, 2 to 4 ms where the runtime waits for more. So p99 of single events
 * falls by a third to a half, and no throughput is lost.
 */
export class YoungGarbage {
  #requests = 0;

  /** Counts requests. */
  add(requests: number): void {
    this.#requests += requests;
  }

  /** Collects if requests have left enough since the last time; call it every 50 ms. Returns whether it did. */
  collectIfDue(): boolean {
    if (this.#requests < youngRequestsMin) return false;
    this.#requests = 0;
    Bun.gc(false);
    return true;
  }
}

/**
 * A full collection is made at most this often. It takes 5 to 15 ms, and what came meanwhile takes as long again: every
 * 10 s, up to three requests in a thousand would wait for it. In a minute of batches the heap grows by 25 MB.
 */
const fullEvery = { requests: 20_000, msMin: 60_000 };

/**
 * Makes a full collection of this thread's heap after many requests. Left to itself the runtime collects only what is
 * young, and lets the heap of a thread that waits for others' answers grow: by 100 MB in four minutes of batches.
 */
export class OldGarbage {
  #requests = 0;
  #collectedAtMs = 0;

  /** Counts requests that were answered. */
  add(requests: number): void {
    this.#requests += requests;
  }

  /** Collects if it is time; `nowMs` is of the monotonic clock. Returns whether it did. */
  collectIfDue(nowMs: number): boolean {
    if (this.#requests < fullEvery.requests || nowMs - this.#collectedAtMs < fullEvery.msMin) return false;
    this.#requests = 0;
    this.#collectedAtMs = nowMs;
    fullGC();
    return true;
  }
}
