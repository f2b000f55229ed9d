/**
 * Requests and replies between two threads or processes, over their own port.
 *
 * Not piscina's tasks: piscina keeps every task's payload reachable until the next full garbage collection, through the
 * old backing store of a Map that has grown. At thousands of messages a second the main thread's heap grew, and so
 * did its pauses. Here a place in a list is reused.
 */
import { messageOf } from "../base/errors.ts";

/** One end of a channel: a thread's `MessagePort`, or a process's channel made to look like one. */
export type Port = {
  /** Buffers in `moved` are transferred and no longer usable in this thread. */
  postMessage(message: unknown, moved: ArrayBuffer[]): void;
  on(event: "message", heard: (message: unknown) => void): unknown;
  close(): void;
};

/** A message to the answering end; `place` is undefined when no reply is expected. */
type Sent = { place: number | undefined; request: unknown };

/** A message back; `error` is set when there is no reply. */
type Replied = { place: number; reply: unknown; error: string | undefined };

/** The asking end. */
export class Wire {
  readonly #port: Port;
  readonly #waiting: (PromiseWithResolvers<unknown> | undefined)[] = [];
  readonly #free: number[] = [];
  #end: Error | undefined;

  constructor(port: Port) {
    this.#port = port;
    // Both ends are this program, so the message is a reply.
    port.on("message", (replied) => this.#settle(replied as Replied));
  }

  /**
   * Sends a request and waits for its reply. Buffers in `moved` are transferred and no longer usable in this thread.
   * @throws Error with the message of what went wrong there, or why the wire has ended; DataCloneError for what cannot
   * cross
   */
  ask(request: unknown, moved: ArrayBuffer[] = []): Promise<unknown> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    const place = this.#free.at(-1) ?? this.#waiting.length;
    // Sent first, because a request that cannot be cloned throws here.
    this.#send({ place, request }, moved);
    this.#free.pop();
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting[place] = waiting;
    return waiting.promise;
  }

  /** Sends a request without a reply; does nothing when the wire has ended. */
  tell(request: unknown): void {
    if (this.#end === undefined) this.#send({ place: undefined, request }, []);
  }

  /** Rejects all waiting requests and all later ones. */
  end(why: Error): void {
    if (this.#end !== undefined) return;
    this.#end = why;
    this.#port.close();
    for (const waiting of this.#waiting) waiting?.reject(why);
  }

  #send(sent: Sent, moved: ArrayBuffer[]): void {
    this.#port.postMessage(sent, moved);
  }

  #settle({ place, reply, error }: Replied): void {
    const waiting = this.#waiting[place];
    this.#waiting[place] = undefined;
    this.#free.push(place);
    if (error === undefined) waiting?.resolve(reply);
    else waiting?.reject(new Error(error));
  }
}

/** The answering end: passes each request to `handle`, and sends back what it returns or what its promise gives. */
export function answerOn(port: Port, handle: (request: unknown) => unknown): void {
  port.on("message", async (sent) => {
    const { place, request } = sent as Sent;
    const replied: Replied = { place: place ?? 0, reply: undefined, error: undefined };
    try {
      replied.reply = await handle(request);
    } catch (error) {
      replied.error = messageOf(error);
    }
    if (place !== undefined) port.postMessage(replied, []);
  });
}
