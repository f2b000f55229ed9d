/** Segments that others replaced, and the grace time that readers get to finish with them. */
import { join } from "node:path";
import { removeIfThere, syncFolder } from "../../base/durable.ts";
import { covers, currentSegments } from "./current.ts";
import { listNames } from "./layout.ts";
import { type DataFolder, parseSegmentName } from "./names.ts";

/**
 * A longer interval between two calls counts as this much: while a machine sleeps, so do its readers. A file that stays
 * too long is better than a query that loses it. ms
 */
const stepMsMax = 5_000;

/** When a replaced segment may be removed: `graceMs` after a published catalog was first seen with its replacement. */
type Grace = {
  /** Of a monotonic clock: a wall clock that jumps would end the grace time at once, or never. ms */
  monotonicMs: number;
  graceMs: number;
  /** Segments that the catalog names. */
  published: ReadonlySet<string>;
};

/** Removes the replaced segments of one folder. Grace times are in memory: a new process starts them again. */
export class ReplacedSegments {
  readonly #folder: DataFolder;
  /** For how long each replaced segment has been seen as replaced. ms */
  #seenForMs: ReadonlyMap<string, number> = new Map();
  #lastMs: number | undefined;

  constructor(folder: DataFolder) {
    this.#folder = folder;
  }

  /** Removes those whose grace time is over and returns their names. Call it often: grace times advance with calls. */
  remove({ monotonicMs, graceMs, published }: Grace): string[] {
    const { segments } = this.#folder;
    const { current, replaced } = currentSegments(listNames(segments, parseSegmentName));
    const stepMs = Math.min(monotonicMs - (this.#lastMs ?? monotonicMs), stepMsMax);
    const seenForMs = new Map<string, number>();
    const removed: string[] = [];
    // The names of their replacements must be durable before they are removed.
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
