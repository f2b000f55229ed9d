/**
 * Queries as the service runs them: each in a process of its own, with limits that the kernel and a timer keep.
 *
 * Invariants:
 * - No more than so many processes at once; each ends with its answer, its time, its client or the service.
 * - A scratch folder goes when its process has ended, however that was.
 * - Rows pass through as bytes; an answer that is not whole ends in an error, never quietly.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MillraceError } from "../base/errors.ts";
import { isRecord } from "../event/parse.ts";
import type { DataFolder } from "../store/names.ts";
import type { Query, QueryFailure, QueryOrder } from "./protocol.ts";

/** What queries may take. */
export type QueryLimits = {
  /** From its start to the last byte that its client took. ms */
  timeMs: number;
  /** Of one process; DuckDB gets half of it. MiB */
  memoryMiB: number;
  rowsMax: number;
  atOnceMax: number;
};

/** Why a query has no answer; `busy`: too many run, `time`: it took too long, `gone`: nobody waits for it any more. */
export type QueryRefusal = Omit<QueryFailure, "kind"> & { kind: QueryFailure["kind"] | "busy" | "time" | "gone" };

/** An answer that has begun, or why there is none. */
export type QueryAnswer = { ok: true; body: ReadableStream<Uint8Array> } | { ok: false; refusal: QueryRefusal };

/** How a query ended; also the label of the metric. */
export type QueryOutcome = "answered" | "cut" | QueryRefusal["kind"];

/** An answer that broke off: its bytes are not to be taken for all of it. */
class AnswerCut extends MillraceError {
  override readonly name = "AnswerCut";
}

/**
 * A shell sets the limit, for it holds from the start on: the runtime reserves address space as it begins, and takes less where
 * less is allowed. Measured: 80 MB resident; past the limit DuckDB fails to allocate, and says so or ends.
 */
const limited = 'ulimit -d "$0" && exec "$@"';

const entry = fileURLToPath(new URL("./sandbox.ts", import.meta.url));

/** A failure is one line; more of what a process said is not kept. Bytes. */
const failureBytesMax = 64 * 1024;

/** Runs queries over one data folder. */
export class QueryRunner implements Disposable {
  readonly #folder: DataFolder;
  readonly #limits: QueryLimits;
  readonly #running = new Set<QueryProcess>();
  readonly #outcomes = new Map<QueryOutcome, number>();

  constructor(folder: DataFolder, limits: QueryLimits) {
    this.#folder = folder;
    this.#limits = limits;
  }

  /** How many queries ended in which way. */
  outcomes(): Iterable<[QueryOutcome, number]> {
    return this.#outcomes.entries();
  }

  /** Runs one query; `signal` tells that its client has gone. Resolves with the first rows, or when there will be none. */
  async run(query: Query, signal: AbortSignal): Promise<QueryAnswer> {
    if (this.#running.size >= this.#limits.atOnceMax) return this.#refuse({ kind: "busy", ...nothingSaid });
    const child = new QueryProcess(this.#folder, this.#limits, query);
    this.#running.add(child);
    child.ended.finally(() => this.#running.delete(child));
    signal.addEventListener("abort", () => child.end("gone"), { once: true });
    if (signal.aborted) child.end("gone");
    const first = await child.read();
    if (first !== undefined) return { ok: true, body: this.#bodyOf(child, first) };
    const refusal = await child.refusal();
    if (refusal !== undefined) return this.#refuse(refusal);
    this.#count("answered");
    return { ok: true, body: new Blob([]).stream() };
  }

  /** Ends what runs; its clients see their answers break off. */
  [Symbol.dispose](): void {
    for (const child of this.#running) child.end("gone");
  }

  #bodyOf(child: QueryProcess, first: Uint8Array): ReadableStream<Uint8Array> {
    let next: Uint8Array | undefined = first;
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const bytes = next ?? (await child.read());
        next = undefined;
        if (bytes !== undefined) return controller.enqueue(bytes);
        const refusal = await child.refusal();
        this.#count(refusal === undefined ? "answered" : "cut");
        if (refusal === undefined) controller.close();
        else controller.error(new AnswerCut(`the answer broke off: ${refusal.kind}`));
      },
      cancel: () => {
        this.#count("gone");
        child.end("gone");
      },
    });
  }

  #refuse(refusal: QueryRefusal): QueryAnswer {
    this.#count(refusal.kind);
    return { ok: false, refusal };
  }

  #count(outcome: QueryOutcome): void {
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
  }
}

const nothingSaid = { message: "", position: undefined };

/** One process, from its start to its end. */
class QueryProcess {
  /** Settles when the process has ended and its scratch folder is gone. */
  readonly ended: Promise<void>;
  readonly #child: Bun.Subprocess<"pipe", "pipe", "pipe">;
  readonly #rows: AsyncIterator<Uint8Array>;
  readonly #said: Promise<string>;
  #endedFor: "gone" | "time" | undefined;

  constructor(folder: DataFolder, limits: QueryLimits, query: Query) {
    const scratch = mkdtempSync(join(tmpdir(), "millrace-query-"));
    const limitKiB = String(limits.memoryMiB * 1024);
    this.#child = Bun.spawn(["/bin/sh", "-c", limited, limitKiB, process.execPath, "--no-orphans", entry], {
      // Nothing of the service's environment: it holds the key. No file of another folder configures the runtime either.
      env: { PATH: process.env["PATH"] },
      cwd: scratch,
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
    const memoryMiB = Math.floor(limits.memoryMiB / 2);
    const order: QueryOrder = { ...query, root: folder.root, scratch, memoryMiB, rowsMax: limits.rowsMax };
    this.#child.stdin.write(JSON.stringify(order));
    this.#child.stdin.end();
    this.#rows = this.#child.stdout[Symbol.asyncIterator]();
    this.#said = beginningOf(this.#child.stderr);
    const timer = setTimeout(() => this.end("time"), limits.timeMs);
    this.ended = this.#child.exited.then(() => {
      clearTimeout(timer);
      rmSync(scratch, { recursive: true, force: true });
    });
  }

  /** Kills it; why decides what is told. */
  end(why: "gone" | "time"): void {
    this.#endedFor ??= why;
    this.#child.kill("SIGKILL");
  }

  /** The next bytes of its answer; undefined: there are no more. */
  async read(): Promise<Uint8Array | undefined> {
    const { done, value } = await this.#rows.next();
    return done === true ? undefined : value;
  }

  /** Waits for the end; undefined: the answer was whole. */
  async refusal(): Promise<QueryRefusal | undefined> {
    await this.ended;
    if (this.#child.exitCode === 0) return undefined;
    if (this.#endedFor !== undefined) return { kind: this.#endedFor, ...nothingSaid };
    const said = await this.#said;
    return failureOf(said) ?? { kind: "memory", message: "The query ended its process", position: undefined };
  }
}

/** What a process told of its failure; undefined where it died instead. */
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
