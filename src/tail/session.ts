/** One reader's stream, from its request to its end: what the service keeps of it. */
import type { Time } from "../base/time.ts";
import type { TailFilter } from "./filter.ts";
import { comment } from "./message.ts";
import { Outlet } from "./outlet.ts";
import type { Place, Position } from "./position.ts";

/** While more waits than this, what is read from segments pauses. Bytes. */
const waitingBytesMax = 256 * 1024;

/** Proxies end a connection that is silent for long; most after a minute. ms */
const commentEveryMs = 15_000;

/** Who reads, and what. */
export type Asked = {
  subject: string | null;
  filter: TailFilter;
  /** Resumes after it; undefined: begins now. */
  from: Place | undefined;
  /** Whether its token still counts. */
  isAllowed: () => Promise<boolean>;
};

/** Where a stream begins, with what clock; `onEnded` is called once, when its reader has gone or it was ended. */
type Opening = {
  position: Position;
  /** Whether the reader is told first that events are not held any more. */
  hasGap: boolean;
  time: Pick<Time, "every">;
  onEnded: () => void;
};

/** A stream that is open. */
export class TailSession {
  readonly asked: Asked;
  readonly #outlet: Outlet;
  readonly #gone = new AbortController();
  #stopComments: () => void = () => undefined;
  #waitingBytes = 0;
  #onRoom: (() => void) | undefined;
  /** Where it is after what was put in so far. */
  position: Position;
  /** Its last name in the process that follows the journal; undefined before it had one. */
  attached: number | undefined;
  isReadingSegments = false;
  /** Whether it gets all that is held after its position, however slowly it reads. */
  isResuming: boolean;
  /** Whether it is still to be told that events are not held any more. */
  hasGap: boolean;

  /** Opens a stream. */
  static open(asked: Asked, opening: Opening): TailSession {
    const session = new TailSession(asked, opening);
    // The head of the answer is sent with its first bytes.
    session.#comment();
    session.#stopComments = opening.time.every(commentEveryMs, () => session.#comment());
    return session;
  }

  private constructor(asked: Asked, { position, hasGap, onEnded }: Opening) {
    this.asked = asked;
    this.position = position;
    this.hasGap = hasGap;
    this.isResuming = asked.from !== undefined;
    this.#gone.signal.addEventListener("abort", onEnded, { once: true });
    this.#outlet = new Outlet(() => this.end());
  }

  /** The body of the answer. */
  get body(): ReadableStream<Uint8Array> {
    return this.#outlet.body;
  }

  /** Aborts when the stream has ended. */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  /** Where messages wait, no comment is needed. */
  #comment(): void {
    if (this.#outlet.isIdle) this.#outlet.put(Buffer.from(comment));
  }

  /** Puts messages in; `onTaken` is called once the reader has taken them. */
  put(bytes: Uint8Array, position: Position, onTaken: () => void): void {
    this.position = position;
    this.#waitingBytes += bytes.byteLength;
    this.#outlet.put(bytes, () => {
      this.#waitingBytes -= bytes.byteLength;
      if (this.#waitingBytes < waitingBytesMax) this.#onRoom?.();
      onTaken();
    });
  }

  /** Resolves when there is room for more, or the stream has ended. */
  async room(): Promise<void> {
    if (this.#waitingBytes < waitingBytesMax || this.signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onRoom = resolve;
    await promise;
    this.#onRoom = undefined;
  }

  /** Ends the stream. */
  end(): void {
    if (this.signal.aborted) return;
    this.#stopComments();
    this.#outlet.end();
    this.#gone.abort();
    this.#onRoom?.();
  }
}
