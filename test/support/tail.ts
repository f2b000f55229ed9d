/** A reader of the live tail, as a client would be: it parses server-sent events and remembers their ids. */
import { connect } from "node:net";
import type { Service } from "./service.ts";
import { until } from "./until.ts";

/** One message. `data` as it was sent; `value` parsed. */
export interface TailMessage {
  readonly id: string | undefined;
  readonly event: string | undefined;
  readonly data: string;
}

/** How to open a stream. */
export interface TailOptions {
  /** What follows `?`. */
  readonly query?: string;
  readonly lastEventId?: string;
  readonly token?: string;
}

const path = "/api/v1/analytics/tail";

/** A request for a stream, whatever the answer. */
export async function askTail(service: Service, { query, lastEventId, token }: TailOptions = {}) {
  const reader = new AbortController();
  const response = await fetch(`${service.url}${path}${query === undefined ? "" : `?${query}`}`, {
    headers: {
      authorization: `Bearer ${token ?? service.token({ scope: "query" })}`,
      ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }),
    },
    signal: reader.signal,
  });
  return { response, stop: () => reader.abort() };
}

/** Opens a stream; resolves once the service has begun it. */
export async function openTail(service: Service, options: TailOptions = {}): Promise<TailStream> {
  const { response, stop } = await askTail(service, options);
  if (response.status !== 200) throw new Error(`answered ${response.status}: ${await response.text()}`);
  return new TailStream(response, stop);
}

/** A stream that is being read. */
export class TailStream implements Disposable {
  readonly messages: TailMessage[] = [];
  /** Comments that came. */
  comments = 0;
  isEnded = false;
  readonly #stop: () => void;

  constructor(response: Response, stop: () => void) {
    this.#stop = stop;
    this.#read(response);
  }

  /** Names of the events so far, in the order in which they came. */
  get names(): string[] {
    return this.events.map((event) => String(event["event_name"]));
  }

  /** The events so far. */
  get events(): Record<string, unknown>[] {
    return this.messages.filter(({ event }) => event === "event").map(({ data }) => JSON.parse(data));
  }

  /** What gaps told: how many events were left out. */
  get gaps(): (number | null)[] {
    return this.messages.filter(({ event }) => event === "gap").map(({ data }) => JSON.parse(data).missed);
  }

  /** The id to resume from. */
  get lastId(): string {
    return this.messages.findLast(({ id }) => id !== undefined)?.id ?? "";
  }

  /** Waits until this many events came. */
  async waitFor(events: number, limitMs = 15_000): Promise<void> {
    await until(() => this.messages.filter(({ event }) => event === "event").length >= events, {
      what: `${events} events on the tail`,
      limitMs,
      state: () => `${this.messages.length} messages; ended: ${this.isEnded}; ${this.names.slice(-5).join(", ")}`,
    });
  }

  /** Waits for the end of the stream. */
  async ended(limitMs = 5_000): Promise<void> {
    await until(() => this.isEnded, { what: "the end of the stream", limitMs });
  }

  [Symbol.dispose](): void {
    this.#stop();
  }

  async #read(response: Response): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    try {
      for await (const chunk of response.body ?? []) {
        const blocks = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
        rest = blocks.pop() ?? "";
        for (const block of blocks) this.#take(block);
      }
    } catch {
      // The service was killed, or the test has ended the stream: either way it is over.
    } finally {
      this.isEnded = true;
    }
  }

  #take(block: string): void {
    if (block.startsWith(":")) {
      this.comments += 1;
      return;
    }
    const fields = new Map(
      block.split("\n").map((line): [string, string] => {
        const colon = line.indexOf(": ");
        return [line.slice(0, colon), line.slice(colon + 2)];
      }),
    );
    this.messages.push({ id: fields.get("id"), event: fields.get("event"), data: fields.get("data") ?? "" });
  }
}

/** Opens a stream over a socket of its own that is not read until `read` is called. Returns what came then. */
export function openStuckTail(service: Service, query = ""): { read: () => void; text: () => string } & Disposable {
  const { hostname, port } = new URL(service.url);
  const socket = connect(Number(port), hostname);
  socket.pause();
  let text = "";
  socket.on("data", (piece) => {
    text += piece.toString();
  });
  const token = service.token({ scope: "query" });
  socket.write(`GET ${path}?${query} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  return { read: () => socket.resume(), text: () => text, [Symbol.dispose]: () => socket.destroy() };
}
