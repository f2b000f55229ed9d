/** What the edge counts: requests that were not accepted, by reason. Plain numbers, read at the scrape. */
export class RefusalCounters {
  readonly #byReason = new Map<string, number>();

  /** Counts one. */
  count(reason: string): void {
    this.#byReason.set(reason, (this.#byReason.get(reason) ?? 0) + 1);
  }

  /** Adds what another thread counted. */
  addAll(byReason: Iterable<[reason: string, requests: number]>): void {
    for (const [reason, requests] of byReason) this.#byReason.set(reason, (this.#byReason.get(reason) ?? 0) + requests);
  }

  /** Returns the reasons seen since the last call with their counts, and resets them. */
  take(): [reason: string, requests: number][] {
    const taken = [...this.#byReason];
    this.#byReason.clear();
    return taken;
  }

  /** All reasons seen, with their counts. */
  entries(): Iterable<[reason: string, requests: number]> {
    return this.#byReason.entries();
  }
}
