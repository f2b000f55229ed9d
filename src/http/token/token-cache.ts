/** Verified tokens by their spelling, at most until they expire, in bounded memory. */

/** Far more than a service has clients. Verifying a token again costs 84 us. */
const tokensMax = 10_000;

/** Ten thousand usual tokens are 5 MB. Bytes. */
const bytesMax = 8 * 1024 * 1024;

/** The size of an entry without its token: the entry itself, an object, a small set. Bytes. */
const entryBytes = 300;

/** `fromMs`: before it the token does not count, should the clock be set back; absent: it counts at any time. */
type Entry<Value> = { value: Value; fromMs?: number; expiresMs: number };

/** Remembers values by token; evicts the oldest first. */
export class TokenCache<Value> {
  readonly #entries = new Map<string, Entry<Value>>();
  #bytes = 0;

  /** The value of a token that is valid now. */
  get(token: string, nowMs: number): Value | undefined {
    const entry = this.#entries.get(token);
    if (entry === undefined) return undefined;
    if (nowMs < entry.expiresMs && nowMs >= (entry.fromMs ?? 0)) return entry.value;
    this.#remove(token);
    return undefined;
  }

  /**
   * Remembers a value, and replaces an earlier one of the token. REQUIRES: the token is in its only accepted spelling.
   */
  set(token: string, entry: Entry<Value>): void {
    this.#remove(token);
    this.#entries.set(token, entry);
    this.#bytes += sizeOf(token);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= tokensMax && this.#bytes <= bytesMax) return;
      this.#remove(oldest);
    }
  }

  /** Forgets the tokens of which this is true. Ten thousand take 1 ms. */
  forget(isOutdated: (value: Value) => boolean): void {
    for (const [token, { value }] of this.#entries) if (isOutdated(value)) this.#remove(token);
  }

  /** Its size, for tests of its bounds. */
  get held(): { tokens: number; bytes: number } {
    return { tokens: this.#entries.size, bytes: this.#bytes };
  }

  #remove(token: string): void {
    if (this.#entries.delete(token)) this.#bytes -= sizeOf(token);
  }
}

/** An entry's size: its token, and the subject, which is part of the token. Bytes. */
const sizeOf = (token: string) => 2 * token.length + entryBytes;
