/** Markers that were sent and have to be seen: by whom is the caller's matter. */
import { newHistogram, record } from "../load/latency.ts";

/** A clock that processes of one machine share. ms since 1970, and parts of one. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now();
}

/** One way to see markers: which are awaited, and how long after their sending the others were seen. */
export class Sightings {
  /** From sending to being seen. */
  readonly latencies = newHistogram();
  readonly #sentMs = new Map<string, number>();

  /** Those not seen yet. */
  get awaited(): string[] {
    return [...this.#sentMs.keys()];
  }

  /** Awaits one. */
  expect(marker: string, sentMs: number): void {
    this.#sentMs.set(marker, sentMs);
  }

  /** Awaits one no longer: it was refused. */
  forget(marker: string): void {
    this.#sentMs.delete(marker);
  }

  /** Notes one that was seen; the first time counts. */
  see(marker: string, atMs: number): void {
    const sentMs = this.#sentMs.get(marker);
    if (sentMs === undefined) return;
    record(this.latencies, atMs - sentMs);
    this.#sentMs.delete(marker);
  }
}
