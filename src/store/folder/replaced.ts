/** Segments that others replaced, and the time that readers get to be done with them. */
import { join } from "node:path";
import { removeIfThere, syncFolder } from "../../base/durable.ts";
import { covers, currentSegments } from "./current.ts";
import { listNames } from "./layout.ts";
import { type DataFolder, parseSegmentName } from "./names.ts";

/**
 * Longer than this between two calls counts as this: while a machine sleeps its readers do, and rather a file stays for
 * longer than a query loses it. ms
 */
const stepMsMax = 5_000;

/** When a replaced segment may go: `graceMs` after it was first seen that a published catalog shows its replacement. */
type Grace = {
  /** Of a monotonic clock: a wall clock that jumps would end the time at once, or never. ms */
  monotonicMs: number;
  graceMs: number;
  /** Segments that the catalog names. */
  published: ReadonlySet<string>;
};

/** Removes the replaced segments of one folder. Their times begin again with the process that keeps them. */
export class ReplacedSegments {
  readonly #folder: DataFolder;
  /** For how long replaced segments have been seen to be so. ms */
  #seenForMs: ReadonlyMap<string, number> = new Map();
  #lastMs: number | undefined;

  constructor(folder: DataFolder) {
    this.#folder = folder;
  }

  /** Removes those whose time is over; gives their names. To be called often: times begin with a call. */
  remove({ monotonicMs, graceMs, published }: Grace): string[] {
    const { segments } = this.#folder;
    const { current, replaced } = currentSegments(listNames(segments, parseSegmentName));
    const stepMs = Math.min(monotonicMs - (this.#lastMs ?? monotonicMs), stepMsMax);
    const seenForMs = new Map<string, number>();
    const removed: string[] = [];
    // What stands in their place must have its name for good before they go.
    if (replaced.length > 0) syncFolder(segments);
    for (const { file, name } of replaced) {
      const by = current.find((each) => covers(each.name, name));
      if (by === undefined || !published.has(by.file)) continue;
      const before = this.#seenForMs.get(file);
      const forMs = before === undefined ? 0 : before + stepMs;
      seenForMs.set(file, forMs);
      if (forMs < graceMs) continue;
      removeIfThere(join(segments, file));
      removed.push(file);
    }
    this.#seenForMs = seenForMs;
    this.#lastMs = monotonicMs;
    if (removed.length > 0) syncFolder(segments);
    return removed;
  }
}
