/**
 * A key set at a URL.
 *
 * Invariants:
 * - The last good set stays, however long the key server cannot be reached, with one warning for each reason.
 * - Requests cause at most one fetch in 5 s, whatever tokens they bring. A fetch has a bound of time and of bytes.
 */
import type { Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { ContentRefused } from "../../base/watched-content.ts";
import { type KeySet, keySetBytesMax, parseKeySet } from "./key-set.ts";

/** A request waits for at most this long; the contract allows 5 s. ms */
const fetchMsMax = 3_000;

/** A key that its issuer has removed is taken for at most this much longer. ms */
const refreshMs = 300_000;

/**
 * Between two fetches for tokens whose key the set does not have. Anybody can send such a token, and after a rotation
 * the good ones are 401 for this long, so it is short. ms
 */
const missingMs = 5_000;

/** After a failure the pause doubles from the one to the other. ms */
const retryMsMin = 1_000;
const retryMsMax = 30_000;

/** What a set is fetched with. */
type FetchedOptions = { variable: string; url: string; log: Log; clock: Clock };

/** The current set; made by `FetchedKeySet.open`. */
export class FetchedKeySet implements Disposable {
  readonly #options: FetchedOptions;
  #current: KeySet | undefined;
  #text = "";
  #problem: string | undefined;
  #failures = 0;
  #fetching: Promise<void> | undefined;
  #lastForTokenMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;
  #isClosed = false;

  private constructor(options: FetchedOptions) {
    this.#options = options;
  }

  /** Fetches the set for the first time, and again from time to time, until it is disposed of. Never throws. */
  static async open(options: FetchedOptions): Promise<FetchedKeySet> {
    const set = new FetchedKeySet(options);
    await set.#fetchOnce();
    return set;
  }

  /** The last good set; undefined if there was none so far. */
  get current(): KeySet | undefined {
    return this.#current;
  }

  /** Why the last fetch gave no set; undefined if it did. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Fetches again for a token whose key is not in the set, or does nothing if that was done less than 5 s ago. */
  async refresh(): Promise<void> {
    if (this.#fetching === undefined) {
      const nowMs = this.#options.clock.monotonicMs();
      if (nowMs - this.#lastForTokenMs < missingMs) return;
      this.#lastForTokenMs = nowMs;
    }
    await this.#fetchOnce();
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  /** One fetch at a time, which all wait for. */
  #fetchOnce(): Promise<void> {
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
      this.#plan();
    });
    return this.#fetching;
  }

  #plan(): void {
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    const pauseMs =
      this.#failures === 0 ? refreshMs : Math.min(retryMsMax, retryMsMin * 2 ** Math.min(this.#failures - 1, 10));
    this.#timer = setTimeout(() => this.#fetchOnce(), pauseMs);
    this.#timer.unref();
  }

  async #fetch(): Promise<void> {
    const { variable, url, log } = this.#options;
    try {
      const text = await textAt(url);
      if (text !== this.#text) {
        this.#current = parseKeySet(text);
        this.#text = text;
        tellIgnored(this.#current, { variable, log });
      }
      if (this.#problem !== undefined) log.info({ variable }, "the key set was fetched again");
      this.#problem = undefined;
      this.#failures = 0;
    } catch (error) {
      // Whatever a server or the network does must end nothing here.
      const problem = withoutUrls(messageOf(error));
      const stays = this.#current === undefined ? "no token of this set can be verified" : "the last good set stays";
      if (problem !== this.#problem) log.warn({ variable, problem }, `the key set could not be fetched; ${stays}`);
      this.#problem = problem;
      this.#failures += 1;
    }
  }
}

/** Logs the keys of a new set that do not count. */
export function tellIgnored({ ignored }: KeySet, { variable, log }: { variable: string; log: Log }): void {
  if (ignored.length > 0) log.warn({ variable, ignored }, "some keys of the key set are ignored");
}

/** A message of the runtime without the URLs in it: a query may hold a secret. */
const withoutUrls = (message: string): string => message.replaceAll(/https?:\/\/[^\s"']+/gi, "the URL");

/** @throws ContentRefused for another status or too many bytes; the runtime's error for the network and for lateness */
async function textAt(url: string): Promise<string> {
  const signal = AbortSignal.timeout(fetchMsMax);
  // A redirect could lead from TLS to plain HTTP, or into another network.
  const response = await fetch(url, { signal, redirect: "error", headers: { accept: "application/json" } });
  if (response.status !== 200) throw new ContentRefused(`the key server answered ${response.status}`);
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    bytes += piece.byteLength;
    if (bytes > keySetBytesMax) throw new ContentRefused(`the key set is larger than ${keySetBytesMax} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}
