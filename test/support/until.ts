/** Waiting for a condition instead of sleeping. */

/** What `until` waits for, in words, and how long it does. */
export interface Wait {
  /** Completes "waited for …" in the error. */
  readonly what: string;
  readonly limitMs: number;
  /** Time between two looks. Default 20 ms: short beside a flush, long beside a request. */
  readonly everyMs?: number;
  /** Told in the error: what was there instead. */
  readonly state?: () => string;
}

/**
 * Looks until `look` gives anything but `undefined` or `false`, and returns that.
 * @throws Error after `limitMs`, with what was waited for and the last state
 */
export async function until<T>(look: () => Promise<T | undefined | false> | T | undefined | false, wait: Wait) {
  const deadlineMs = Date.now() + wait.limitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found as T;
    if (Date.now() > deadlineMs) {
      throw new Error(`waited ${wait.limitMs} ms for ${wait.what}; ${wait.state?.() ?? "it did not come"}`);
    }
    await Bun.sleep(wait.everyMs ?? 20);
  }
}
