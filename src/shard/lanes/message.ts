/** Requests that go to a shard together, and their answers, which come together. */
import { invariant } from "../../base/invariant.ts";
import { release } from "../../base/release.ts";
import { packRequests, unpackAnswers } from "../bundle.ts";
import { type AppendAnswer, type AppendRequest, inflatedBytesLikely } from "../protocol.ts";

/** One message to a shard. All its requests share one promise, because each promise leaves garbage. */
export class Message {
  /** Whether it has a single request, which is large and may be parsed in another thread. */
  readonly isAlone: boolean;
  #requests: AppendRequest[] = [];
  #length = 0;
  #bytes = 0;
  #isAnswered = false;
  readonly #answers = Promise.withResolvers<readonly AppendAnswer[]>();

  constructor({ isAlone }: { isAlone: boolean }) {
    this.isAlone = isAlone;
  }

  /** Requests that were added. */
  get length(): number {
    return this.#length;
  }

  /** The approximate size of their bodies after inflation. Bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Adds a request and resolves with its answer. REQUIRES: nothing was packed yet.
   * @throws what `fail` was given
   */
  add(request: AppendRequest): Promise<AppendAnswer> {
    const place = this.#length++;
    this.#requests.push(request);
    this.#bytes += inflatedBytesLikely(request);
    return this.#answers.promise.then((answers) => {
      const answer = answers[place];
      invariant(answer !== undefined, "an answer for each request");
      return answer;
    });
  }

  /** The requests in one byte array; their own memory is freed. */
  pack(): Uint8Array<ArrayBuffer> {
    const packed = packRequests(this.#requests);
    for (const { body } of this.#requests) release(body);
    this.#requests = [];
    return packed;
  }

  /** Answers all requests with what the shard sent, unless they were answered before. */
  answer(packed: string): void {
    this.#answers.resolve(unpackAnswers(packed));
  }

  /** Answers all requests with the same, unless they were answered before. */
  answerAll(answer: AppendAnswer): void {
    // A shard that hangs is looked at 20 times a second.
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.#answers.resolve(new Array<AppendAnswer>(this.#length).fill(answer));
  }

  /** Rejects all requests, unless they were answered before. */
  fail(error: unknown): void {
    this.#answers.reject(error);
  }
}
