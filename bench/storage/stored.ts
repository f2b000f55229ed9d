/** Data folders with a history, for scenarios about what is stored; each goes when its scope is left. */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Bench } from "../core/scenario.ts";
import { makeHistory } from "../sql/history.ts";
import { compactFolder } from "../system/service.ts";

/** A data folder that nobody serves. */
export interface Stored extends AsyncDisposable {
  readonly dataDir: string;
  readonly events: number;
}

/** How it is made. */
export interface StoredWish {
  /** 0 gives a folder that the service has not seen yet. */
  readonly events: number;
  readonly eventsPerSegment?: number;
  /** Few large segments, as the service makes them in the background; otherwise as flushes left them. */
  readonly isCompacted: boolean;
}

/** Progress is reported once for this many events. */
const eventsPerWord = 10_000_000;

/** Makes a folder with a history. */
export async function makeStored(bench: Bench, wish: StoredWish): Promise<Stored> {
  const { events, eventsPerSegment, isCompacted } = wish;
  await using ending = new AsyncDisposableStack();
  const folder = await mkdtemp(join(bench.folder, "stored-"));
  ending.defer(() => rm(folder, { recursive: true, force: true }));
  let dataDir = join(folder, "data");
  if (events > 0) {
    bench.progress(`${events} events are made`);
    const onEvents = (made: number) => {
      bench.signal.throwIfAborted();
      if (made % eventsPerWord === 0) bench.progress(`${made} of ${events} events made`);
    };
    const history = await makeHistory({ events, seed: bench.seed, folder, onEvents, eventsPerSegment });
    dataDir = history.dataDir;
    // As large as all segments together, and nobody asks it here.
    await rm(history.plainPath);
    if (isCompacted) await compactFolder(dataDir, bench.signal);
  }
  const kept = ending.move();
  return { dataDir, events, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
