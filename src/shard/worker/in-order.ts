/**
 * Handles answers in the order of their calls, in whatever order they arrive. Several may be outstanding: a journal may
 * take the next group before the previous one is durable.
 */

/** A call whose answer is not handled yet. */
export type Outstanding = {
  /** Whether the answer has arrived. */
  readonly isAnswered: boolean;
  /** Handles the answer. */
  act(): void;
};

/** The handlers for one answer. */
type Outcome<Answer> = { done(answer: Answer): void; failed(error: unknown): void };

/** Handles answers, oldest call first. */
export class InOrder {
  /** Oldest first. */
  readonly #calls: Outstanding[] = [];

  /** Answers that are not handled yet. */
  get outstanding(): number {
    return this.#calls.length;
  }

  /** Takes a call that is being made. `look` must be called once it is answered. */
  add(call: Outstanding): void {
    this.#calls.push(call);
  }

  /** Handles what has been answered and waits for no earlier call. */
  look(): void {
    try {
      while (this.#calls[0]?.isAnswered === true) this.#calls.shift()?.act();
    } catch (error) {
      // A bug: it ends the thread, and its successor recovers.
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  /** Handles an answer once it has arrived and all earlier ones are handled; then resolves, also after a failure. */
  act<Answer>(answer: Promise<Answer>, { done, failed }: Outcome<Answer>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const call: Outstanding & { act: () => void; isAnswered: boolean } = { isAnswered: false, act: () => undefined };
    this.add(call);
    const settle = (act: () => void) => {
      call.act = () => {
        act();
        resolve();
      };
      call.isAnswered = true;
      this.look();
    };
    answer.then(
      (value) => settle(() => done(value)),
      (error: unknown) => settle(() => failed(error)),
    );
    return promise;
  }

  /** Resolves when all answers to calls made so far are handled. */
  async idle(): Promise<void> {
    if (this.outstanding > 0) await this.act(Promise.resolve(), { done: () => undefined, failed: () => undefined });
  }
}
