/** Samples something at a steady pace while other work runs. */

/** What one look found, and when: seconds from the start of the work. */
export interface Look<Found> {
  readonly seconds: number;
  readonly found: Found;
}

/** How to look. */
export interface Looking<Found> {
  readonly everyMs: number;
  readonly look: () => Promise<Found>;
}

/**
 * Does `work`, and looks meanwhile: at its start, at a steady pace, and at its end too. A look that fails ends the
 * work, through the signal that it is given.
 * @throws Error whatever `work` throws, or a look that failed
 */
export async function lookDuring<Result, Found>(
  work: (signal: AbortSignal) => Promise<Result>,
  looking: Looking<Found>,
): Promise<{ result: Result; looks: Look<Found>[] }> {
  const ending = new AbortController();
  const [result, looks] = await Promise.all([
    work(ending.signal).finally(() => ending.abort()),
    lookUntil(ending.signal, looking).finally(() => ending.abort()),
  ]);
  return { result, looks };
}

async function lookUntil<Found>(signal: AbortSignal, { everyMs, look }: Looking<Found>): Promise<Look<Found>[]> {
  const startMs = performance.now();
  const looks: Look<Found>[] = [];
  for (;;) {
    const isLast = signal.aborted;
    const seconds = (performance.now() - startMs) / 1e3;
    looks.push({ seconds, found: await look() });
    if (isLast) return looks;
    await sleepUntil(signal, everyMs);
  }
}

/** Until the next look is due, or `signal` says that it is the last. */
async function sleepUntil(signal: AbortSignal, ms: number): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const wake = () => resolve();
  signal.addEventListener("abort", wake, { once: true });
  await promise;
  clearTimeout(timer);
  signal.removeEventListener("abort", wake);
}
