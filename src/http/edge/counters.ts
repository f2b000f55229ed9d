/** What the edge counts: requests that were not accepted, by reason. Plain numbers, read at the scrape. */
export class RefusalCounters {
  readonly #byReason = new Map<string, number>();

  /** Counts one. */
  count(reason: string): void {
    this.#byReason.set(reason, (this.#byReason.get(reason) ?? 0) + 1);
  }

  /** All reasons seen, with their counts. */
  entries(): Iterable<[reason: string, requests: number]> {
    return this.#byReason.entries();
  }
}
