/**
 * Handles answers in the order of their calls, in whatever order they arrive. Several may be outstanding: a journal may
 * take the next group before the previous one is durable.
 */

/** The handlers for one answer. */
type Outcome<Answer> = { done(answer: Answer): void; failed(error: unknown): void };

/** Handles answers, oldest call first. */
export class InOrder {
  /** How to handle each outstanding answer, oldest first; undefined until it arrives. */
  readonly #outstanding: { act: (() => void) | undefined }[] = [];

  /** Answers that are not handled yet. */
  get outstanding(): number {
    return this.#outstanding.length;
  }

  /** Handles an answer once it has arrived and all earlier ones are handled; then resolves, also after a failure. */
  async act<Answer>(answer: Promise<Answer>, { done, failed }: Outcome<Answer>): Promise<void> {
    const entry: { act: (() => void) | undefined } = { act: undefined };
    this.#outstanding.push(entry);
    const { promise, resolve } = Promise.withResolvers<void>();
    const settle = (act: () => void) => {
      entry.act = () => {
        act();
        resolve();
      };
      try {
        this.#actUponHead();
      } catch (error) {
        // A bug: it ends the thread, and its successor recovers.
        queueMicrotask(() => {
          throw error;
        });
      }
    };
    answer.then(
      (value) => settle(() => done(value)),
      (error: unknown) => settle(() => failed(error)),
    );
    await promise;
  }

  /** Resolves when all answers to calls made so far are handled. */
  async idle(): Promise<void> {
    if (this.outstanding > 0) await this.act(Promise.resolve(), { done: () => undefined, failed: () => undefined });
  }

  #actUponHead(): void {
    for (;;) {
      const act = this.#outstanding[0]?.act;
      if (act === undefined) return;
      this.#outstanding.shift();
      act();
    }
  }
}
