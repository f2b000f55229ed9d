/** Waiting for a condition instead of sleeping. */

/**
 * A limit says how long something takes on a machine that does nothing else. It is reached only by what is wrong, so it
 * costs nothing to wait longer where other work keeps the cores busy.
 */
export const patience = 6;

/** What `until` waits for, in words, and how long it takes at most on a machine that does nothing else. */
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
 * A look that asks DuckDB takes more of a core than the service that it waits for: the pause after a look is twice as
 * long as the look was, up to this. ms
 */
const longestPauseMs = 200;

/**
 * Looks until `look` gives anything but `undefined` or `false`, and returns that.
 * @throws Error after `limitMs` times `patience`, with what was waited for and the last state
 */
export async function until<T>(look: () => Promise<T | undefined | false> | T | undefined | false, wait: Wait) {
  const deadlineMs = performance.now() + wait.limitMs * patience;
  for (;;) {
    const begunMs = performance.now();
    const found = await look();
    if (found !== undefined && found !== false) return found as T;
    if (performance.now() > deadlineMs) {
      throw new Error(`waited ${wait.limitMs * patience} ms for ${wait.what}; ${wait.state?.() ?? "it did not come"}`);
    }
    const lookMs = performance.now() - begunMs;
    await Bun.sleep(Math.max(wait.everyMs ?? 20, Math.min(2 * lookMs, longestPauseMs)));
  }
}
