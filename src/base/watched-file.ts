/**
 * A file or folder that a variable names, read again when it changes.
 *
 * Invariants:
 * - A change takes effect within 2 s. Polled with `stat`: fs.watch misses a rename over the file, and network disks.
 * - The last good value stays when the content becomes bad or disappears, with one warning for each bad content.
 */
import type { Clock } from "./clock.ts";
import { ConfigInvalid, messageOf } from "./errors.ts";
import type { Log } from "./log.ts";
import { ContentRefused, type Source } from "./watched-content.ts";

/** What is watched, and what becomes of it. */
export type WatchedOptions<Content, Value> = {
  /** The variable that names it; every message begins with it. */
  variable: string;
  source: Source<Content>;
  /** Makes the value of a content. Throws ContentRefused with the reason if it cannot. */
  parse: (content: Content) => Value;
  /** Called with every value but the first, before the next request is handled. */
  onChange?: (value: Value) => void;
  log: Log;
  clock: Clock;
};

/** Pause between two looks. A change is read at the second look that finds the same mark. ms */
const lookMs = 300;

/** What keeps changing is read all the same after this time, so that it takes effect within 2 s. ms */
const restlessMsMax = 1_000;

/**
 * Some file systems count time in steps of 2 s: a second change within a step may leave the mark as it is. So the
 * content is read at every look until this time after a change. ms
 */
const coarseMs = 2_500;

/** The current value of a watched file or folder; made by `WatchedFile.open`. */
export class WatchedFile<Content, Value> implements Disposable {
  readonly #options: WatchedOptions<Content, Value>;
  #value: Value;
  /** What was read last: the content, good or bad, or the reason why there was none. */
  #seen: { content: Content } | { problem: string };
  #problem: string | undefined;
  /** Of the content that was read last. */
  #mark: string;
  /** A mark that differs from `#mark`, and when the first such mark was seen. */
  #changing: { mark: string; sinceMs: number } | undefined;
  #readUntilMs: number;
  #timer: Timer | undefined;
  #isClosed = false;

  private constructor(
    options: WatchedOptions<Content, Value>,
    first: { mark: string; content: Content; value: Value },
  ) {
    this.#options = options;
    this.#value = first.value;
    this.#seen = { content: first.content };
    this.#mark = first.mark;
    this.#readUntilMs = options.clock.monotonicMs() + coarseMs;
    this.#plan();
  }

  /**
   * Reads it for the first time, and watches it until it is disposed of. Does not keep the process running.
   * @throws ConfigInvalid that names the variable, when it cannot be read or its content is bad
   */
  static async open<Content, Value>(options: WatchedOptions<Content, Value>): Promise<WatchedFile<Content, Value>> {
    const { variable, source, parse } = options;
    try {
      const mark = await source.mark();
      const content = await source.read();
      return new WatchedFile(options, { mark, content, value: parse(content) });
    } catch (error) {
      if (!(error instanceof ContentRefused)) throw error;
      throw new ConfigInvalid([`${variable}: ${error.message}`]);
    }
  }

  /** The value of the last good content. */
  get value(): Value {
    return this.#value;
  }

  /** Why what is there now is not used; undefined when it is. */
  get problem(): string | undefined {
    return this.#problem;
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #plan(): void {
    this.#timer = setTimeout(() => this.#look(), lookMs);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    try {
      const mark = await this.#options.source.mark();
      if (this.#isDue(mark)) await this.#read(mark);
    } catch (error) {
      // A bug in a parser must not end the service or the watch; the last good value stays.
      this.#options.log.error(
        { variable: this.#options.variable, error: messageOf(error) },
        "a watched file could not be read again",
      );
    } finally {
      if (!this.#isClosed) this.#plan();
    }
  }

  /**
   * Whether to read now. A file is often cut to nothing and then written, and the part that is there in between may be
   * good by itself, as a shorter list of revoked tokens is.
   */
  #isDue(mark: string): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    if (mark === this.#mark) {
      this.#changing = undefined;
      return nowMs < this.#readUntilMs;
    }
    const before = this.#changing;
    this.#changing = { mark, sinceMs: before?.sinceMs ?? nowMs };
    if (mark !== before?.mark && nowMs - this.#changing.sinceMs < restlessMsMax) return false;
    this.#changing = undefined;
    this.#readUntilMs = nowMs + coarseMs;
    return true;
  }

  async #read(mark: string): Promise<void> {
    const { source, parse } = this.#options;
    let content: Content;
    try {
      content = await source.read();
    } catch (error) {
      if (!(error instanceof ContentRefused)) throw error;
      this.#mark = mark;
      this.#refuse(error.message, { problem: error.message });
      return;
    }
    this.#mark = mark;
    const seen = this.#seen;
    if (this.#isClosed || ("content" in seen && source.isSame(seen.content, content))) return;
    this.#seen = { content };
    try {
      this.#take(parse(content));
    } catch (error) {
      if (!(error instanceof ContentRefused)) throw error;
      this.#refuse(error.message, { content });
    }
  }

  #take(value: Value): void {
    const { variable, log, onChange } = this.#options;
    this.#value = value;
    this.#problem = undefined;
    log.info({ variable }, "read again after a change");
    onChange?.(value);
  }

  #refuse(problem: string, seen: { content: Content } | { problem: string }): void {
    const { variable, log } = this.#options;
    const isKnown = "problem" in seen && "problem" in this.#seen && this.#seen.problem === problem;
    this.#seen = seen;
    this.#problem = problem;
    if (!isKnown) log.warn({ variable, problem }, "a changed file is not used; the last good content stays");
  }
}
