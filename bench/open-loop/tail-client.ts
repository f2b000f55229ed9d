/** A reader of the live tail that counts what it is shown. */

/** Reads one stream. */
export class TailClient {
  readonly #url: string;
  readonly #token: string;
  /** Events that were shown. */
  events = 0;
  /** Events that gaps told of. */
  missed = 0;

  constructor(url: string, token: string) {
    this.#url = `${url}/api/v1/analytics/tail`;
    this.#token = token;
  }

  /**
   * Reads until `over`.
   * @throws Error the service refuses the stream, or ends it
   */
  async follow(over: AbortSignal): Promise<void> {
    try {
      const answer = await fetch(this.#url, { headers: { authorization: `Bearer ${this.#token}` }, signal: over });
      if (answer.status !== 200) throw new Error(`the tail was answered ${answer.status}: ${await answer.text()}`);
      const decoder = new TextDecoder();
      let rest = "";
      for await (const piece of answer.body ?? []) {
        const messages = (rest + decoder.decode(piece, { stream: true })).split("\n\n");
        rest = messages.pop() ?? "";
        for (const message of messages) this.#count(message);
      }
    } catch (error) {
      if (!over.aborted) throw error;
    }
    if (!over.aborted) throw new Error("the service ended the tail");
  }

  #count(message: string): void {
    if (message.startsWith("id:")) this.events += 1;
    else this.missed += Number(/"missed":(\d+)/.exec(message)?.[1] ?? 0);
  }
}
