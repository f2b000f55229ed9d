/** Runs two tasks at once; the first decides how long. */

/**
 * Does `main`, and `other` for as long as it lasts. Each is given a signal: `main` that the other has failed, `other`
 * that it is over.
 * @throws Error whatever either throws; both have ended by then
 */
export async function beside<M, O>(
  main: (failed: AbortSignal) => Promise<M>,
  other: (over: AbortSignal) => Promise<O>,
): Promise<{ main: M; other: O }> {
  const failed = new AbortController();
  const over = new AbortController();
  const [mainEnd, otherEnd] = await Promise.allSettled([
    main(failed.signal).finally(() => over.abort()),
    other(over.signal).catch((error: unknown) => {
      failed.abort(error);
      throw error;
    }),
  ]);
  // The other's error first: it is what ended the main one.
  if (otherEnd.status === "rejected") throw otherEnd.reason;
  if (mainEnd.status === "rejected") throw mainEnd.reason;
  return { main: mainEnd.value, other: otherEnd.value };
}

/**
 * Does all of them, each with a signal that ends when `signal` does or another has failed.
 * @throws Error the first that any throws; all have ended by then
 */
export async function together(
  signal: AbortSignal,
  works: readonly ((ends: AbortSignal) => Promise<void>)[],
): Promise<void> {
  const failed = new AbortController();
  const ends = AbortSignal.any([signal, failed.signal]);
  const failures: unknown[] = [];
  const noted = (error: unknown) => {
    failures.push(error);
    failed.abort(error);
  };
  await Promise.all(works.map((work) => work(ends).catch(noted)));
  if (failures.length > 0) throw failures[0];
}

/** Waits, not at all for a time that is past, and no longer than until `signal`. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, Math.max(0, ms));
  const end = () => resolve();
  signal.addEventListener("abort", end);
  await promise;
  clearTimeout(timer);
  signal.removeEventListener("abort", end);
}
