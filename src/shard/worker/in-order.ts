/**
 * Answers that are acted upon in the order in which they were asked for, however they come. Several may be outstanding:
 * a journal may take the next group while the one before is not durable yet.
 */

/** What happens with an answer. */
type Outcome<Answer> = { done(answer: Answer): void; failed(error: unknown): void };

/** Acts upon answers, oldest first. */
export class InOrder {
  /** What to do with each answer that is outstanding, oldest first; undefined while it has not come. */
  readonly #outstanding: { act: (() => void) | undefined }[] = [];

  /** Answers that were asked for and not acted upon. */
  get outstanding(): number {
    return this.#outstanding.length;
  }

  /** Acts upon an answer once it is there and all before it were acted upon; resolves then, whatever it was. */
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
        // A fault of ours: it ends the thread, and its successor recovers.
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

  /** Resolves when everything that was asked for by now was acted upon. */
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
