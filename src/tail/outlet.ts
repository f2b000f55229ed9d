/** The body of a tail's answer: messages go in as they come, and are passed on as fast as the reader takes them. */

/** Bytes that wait, and what is called once the reader has taken them. */
type Waiting = { bytes: Uint8Array; onTaken: () => void };

/** One stream. REQUIRES: whoever puts messages in bounds them by what was taken. */
export class Outlet {
  /** The body. */
  readonly body: ReadableStream<Uint8Array>;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  readonly #waiting: Waiting[] = [];
  /** Resolves the runtime's wish for more bytes; undefined while it has none. */
  #pull: (() => void) | undefined;
  #isEnded = false;

  /** `onGone` is called when the reader has gone. */
  constructor(onGone: () => void) {
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => {
          const { promise, resolve } = Promise.withResolvers<void>();
          this.#pull = resolve;
          this.#pass();
          return promise;
        },
        cancel: () => {
          this.#isEnded = true;
          onGone();
        },
      },
      { highWaterMark: 0 },
    );
  }

  /** Whether nothing waits. */
  get isIdle(): boolean {
    return this.#waiting.length === 0;
  }

  /** Adds bytes. */
  put(bytes: Uint8Array, onTaken: () => void = () => undefined): void {
    if (this.#isEnded) return;
    this.#waiting.push({ bytes, onTaken });
    this.#pass();
  }

  /** Ends the stream; what waits is not sent any more. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#controller?.close();
    this.#pull?.();
  }

  #pass(): void {
    if (this.#pull === undefined || this.#isEnded) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#controller?.enqueue(next.bytes);
    const settle = this.#pull;
    this.#pull = undefined;
    settle();
    next.onTaken();
  }
}
