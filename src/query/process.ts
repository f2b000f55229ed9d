/** One process for one query, from its start to its end: the service's side of `sandbox.ts`. */
import { existsSync, rmSync } from "node:fs";
import { codeOf } from "../base/errors.ts";
import { limitedProcess } from "../base/limited-process.ts";
import { memoryRemedy, type Query, type QueryFailure, type QueryOrder, type QueryReport } from "./protocol.ts";
import { reportsOf } from "./reports.ts";

/** Why a query has no answer; `busy`: too many run, `time`: it took too long, `gone`: its client has gone. */
export type QueryRefusal = Omit<QueryFailure, "kind"> & { kind: QueryFailure["kind"] | "busy" | "time" | "gone" };

/** A process that waits for its query, runs it, or has ended. */
export class QueryProcess {
  /** Resolves when the process has ended and its scratch folder is removed. */
  readonly ended: Promise<void>;
  /** Resolves when it has loaded DuckDB or has ended. */
  readonly ready: Promise<void>;
  readonly #scratch: string;
  readonly #child: Bun.Subprocess<"pipe", "pipe", "pipe">;
  readonly #rows: AsyncIterator<Uint8Array>;
  /** Its last report before the answer's end or its own; undefined if it died. */
  readonly #said: Promise<QueryReport | undefined>;
  #isReady = false;
  #hasTaken = false;
  #timer: Timer | undefined;
  #endedFor: "gone" | "time" | undefined;

  /**
   * Starts a process of a program. `scratch` is a new folder that becomes its own, `memoryMiB` the limit of its memory,
   * `niceness` its nice value if it is not that of a query.
   * @throws the system's error when no process can be started
   */
  static spawn(entry: string, scratch: string, given: { memoryMiB: number; niceness?: number }): QueryProcess {
    const { memoryMiB, niceness } = given;
    // The rest is for the runtime, and for what DuckDB takes beyond its own limit: it spills too late at a half, on
    // millions of events.
    const duckdbMiB = String(Math.floor((memoryMiB * 3) / 8));
    const { command, env: limitedEnv } = limitedProcess({ entry, args: [duckdbMiB], memoryMiB, niceness });
    // Without this a tenth of a GiB counts against the limit that the runtime never uses.
    const env = { ...limitedEnv, MIMALLOC_ARENA_EAGER_COMMIT: "0" };
    const pipes = { stdin: "pipe", stdout: "pipe", stderr: "pipe" } as const;
    return new QueryProcess(scratch, Bun.spawn(command, { env, cwd: scratch, ...pipes }));
  }

  private constructor(scratch: string, child: Bun.Subprocess<"pipe", "pipe", "pipe">) {
    this.#scratch = scratch;
    this.#child = child;
    this.#rows = child.stdout[Symbol.asyncIterator]();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ready = promise;
    this.#said = this.#listen(resolve);
    this.ended = child.exited.then(() => {
      clearTimeout(this.#timer);
      removeQuietly(scratch);
    });
  }

  async #listen(onReady: () => void): Promise<QueryReport | undefined> {
    try {
      for await (const report of reportsOf(this.#child.stderr)) {
        if (report.kind === "ready") {
          this.#isReady = true;
          onReady();
        } else if (report.kind === "taken") this.#hasTaken = true;
        else return report;
      }
      return undefined;
    } finally {
      onReady();
    }
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

  /** Whether it has loaded DuckDB: an order is carried out at once. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Whether it has its order. A process that ended before can be replaced by another one. */
  get hasTaken(): boolean {
    return this.#hasTaken;
  }

  /** False once the process has ended, or somebody has removed its scratch folder. */
  get isUsable(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null && existsSync(this.#scratch);
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

  /**
   * Why there is no answer, or no whole one; undefined: it was complete. To be called when there is nothing more to
   * read.
   */
  async refusal(): Promise<QueryRefusal | undefined> {
    const said = await this.#said;
    if (said === undefined) await this.ended;
    if (said?.kind === "answered") return undefined;
    if (this.#endedFor !== undefined) return { kind: this.#endedFor, message: "", position: undefined };
    if (said !== undefined && "message" in said) return said;
    return { kind: "memory", message: `The query ended its process. ${memoryRemedy}`, position: undefined };
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
