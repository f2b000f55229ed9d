/** One process for one query, from its start to its end: the service's side of `sandbox.ts`. */
import { existsSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { codeOf } from "../base/errors.ts";
import { limitedProcess } from "../base/limited-process.ts";
import { isRecord } from "../event/parse/parse.ts";
import type { Query, QueryFailure, QueryOrder } from "./protocol.ts";

/** Why a query has no answer; `busy`: too many run, `time`: it took too long, `gone`: its client has gone. */
export type QueryRefusal = Omit<QueryFailure, "kind"> & { kind: QueryFailure["kind"] | "busy" | "time" | "gone" };

const entry = fileURLToPath(new URL("./sandbox.ts", import.meta.url));

/** A failure is one line; more of a process's standard error is not kept. Bytes. */
const failureBytesMax = 64 * 1024;

/** A process that waits for its query, runs it, or has ended. */
export class QueryProcess {
  /** Resolves when the process has ended and its scratch folder is removed. */
  readonly ended: Promise<void>;
  readonly #scratch: string;
  readonly #child: Bun.Subprocess<"pipe", "pipe", "pipe">;
  readonly #rows: AsyncIterator<Uint8Array>;
  readonly #said: Promise<string>;
  #timer: Timer | undefined;
  #endedFor: "gone" | "time" | undefined;

  /**
   * Starts a process. `scratch` is a new folder that becomes its own, `memoryMiB` the limit of its memory.
   * @throws the system's error when no process can be started
   */
  static spawn(scratch: string, memoryMiB: number): QueryProcess {
    // The rest is for the runtime, and for what DuckDB takes beyond its own limit.
    const duckdbMiB = String(Math.floor(memoryMiB / 2));
    const { command, env } = limitedProcess({ entry, args: [duckdbMiB], memoryMiB });
    const pipes = { stdin: "pipe", stdout: "pipe", stderr: "pipe" } as const;
    return new QueryProcess(scratch, Bun.spawn(command, { env, cwd: scratch, ...pipes }));
  }

  private constructor(scratch: string, child: Bun.Subprocess<"pipe", "pipe", "pipe">) {
    this.#scratch = scratch;
    this.#child = child;
    this.#rows = child.stdout[Symbol.asyncIterator]();
    this.#said = beginningOf(child.stderr);
    this.ended = child.exited.then(() => {
      clearTimeout(this.#timer);
      removeQuietly(scratch);
    });
  }

  /** Sends the process its query, once. The process is killed after `timeMs`, whatever it is doing. */
  start(query: Query, on: { root: string; rowsMax: number; timeMs: number }): void {
    const order: QueryOrder = { ...query, root: on.root, scratch: this.#scratch, rowsMax: on.rowsMax };
    this.#send(JSON.stringify(order));
    this.#timer = setTimeout(() => this.end("time"), on.timeMs);
  }

  async #send(text: string): Promise<void> {
    try {
      await this.#child.stdin.write(text);
      await this.#child.stdin.end();
    } catch (error) {
      // A process that has ended reads nothing; `refusal` reports how it ended.
      if (codeOf(error) !== "EPIPE") throw error;
    }
  }

  /** False once the process has ended. */
  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** False once somebody has removed its scratch folder. */
  get hasFolder(): boolean {
    return existsSync(this.#scratch);
  }

  /** Kills the process; `why` decides the client's answer. */
  end(why: "gone" | "time"): void {
    this.#endedFor ??= why;
    this.#child.kill("SIGKILL");
  }

  /** The next bytes of the answer; undefined: there are no more. */
  async read(): Promise<Uint8Array | undefined> {
    const { done, value } = await this.#rows.next();
    return done === true ? undefined : value;
  }

  /** Waits for the end. Undefined: the answer was complete. */
  async refusal(): Promise<QueryRefusal | undefined> {
    await this.ended;
    if (this.#child.exitCode === 0) return undefined;
    if (this.#endedFor !== undefined) return { kind: this.#endedFor, message: "", position: undefined };
    const died = { kind: "memory", message: "The query ended its process", position: undefined } as const;
    return failureOf(await this.#said) ?? died;
  }
}

/** A folder that cannot be removed now is removed at the next start; no query and no service fails because of it. */
function removeQuietly(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
  }
}

/** The failure that a process reported; undefined if it died instead. */
function failureOf(said: string): QueryFailure | undefined {
  for (const line of said.split("\n")) {
    const told = line.startsWith("{") ? parsed(line) : undefined;
    if (isRecord(told) && typeof told["kind"] === "string") return told as QueryFailure;
  }
  return undefined;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Reads to the end and keeps the beginning. */
async function beginningOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    if (bytes < failureBytesMax) chunks.push(chunk);
    bytes += chunk.byteLength;
  }
  return Buffer.concat(chunks).toString();
}
