/** The parser's thread, as the main thread sees it. It is started by the first body that needs it. */
import { ActorHost } from "../../actor/host.ts";
import { ActorDied } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { SchemaSource } from "../../schema/set.ts";
import type { LeftBody, ParsedBody } from "../protocol.ts";
import type { ParserOptions, ParserReplies, ParserRequest } from "./protocol.ts";

type Host = ActorHost<ParserRequest, ParserReplies>;

/** The slowest bodies of this size take about two seconds; what comes after them would wait too long. Bytes. */
const bytesInFlightMax = 8 * 1024 * 1024;

/** Parses the bodies that shards leave to it. */
export class ParserThread {
  readonly #options: ParserOptions;
  readonly #log: Log;
  #host: Host | undefined;
  #bytesInFlight = 0;

  constructor(options: ParserOptions, log: Log) {
    this.#options = options;
    this.#log = log;
  }

  /** The thread's actor, for tests that end it; undefined before the first body. */
  get host(): Host | undefined {
    return this.#host;
  }

  /** Whether it has bodies now. */
  get isBusy(): boolean {
    return this.#bytesInFlight > 0;
  }

  /** Returns what a body becomes; undefined if too much waits already, or the thread has died with it. */
  async parse(left: LeftBody): Promise<ParsedBody | undefined> {
    const { byteLength } = left.body;
    if (this.#bytesInFlight > 0 && this.#bytesInFlight + byteLength > bytesInFlightMax) return undefined;
    this.#bytesInFlight += byteLength;
    try {
      return await this.#started().ask({ ...left, kind: "parse" }, [left.body.buffer]);
    } catch (error) {
      if (!(error instanceof ActorDied)) throw error;
      this.#log.error({ error: error.message }, "a body was not parsed; its sender is asked to send it again");
      return undefined;
    } finally {
      this.#bytesInFlight -= byteLength;
    }
  }

  /** From the next body on, properties must fit these schemas. */
  async useSchemas(source: SchemaSource | undefined): Promise<void> {
    // A thread that dies meanwhile has a successor that is born with those of the options.
    await Promise.allSettled([this.#host?.ask({ kind: "schemas", source })]);
  }

  /** Ends the thread, if it was started. */
  async close(): Promise<void> {
    await this.#host?.destroy();
  }

  #started(): Host {
    this.#host ??= ActorHost.open<ParserRequest, ParserReplies>({
      name: "parser",
      entry: new URL("./actor.ts", import.meta.url),
      options: this.#options,
      log: this.#log,
      questions: {},
    });
    return this.#host;
  }
}
