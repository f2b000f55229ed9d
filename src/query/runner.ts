/**
 * Runs queries for the service: each in a process of its own, with limits that the kernel and a timer enforce.
 *
 * Invariants:
 * - The number of running queries is bounded; each ends by its answer, its time limit, its client or the service.
 * - A scratch folder is removed when its process has ended, for whatever reason; or at the next start on the same data
 *   folder.
 * - Rows pass through as bytes. An incomplete answer breaks off, and never ends as if it were complete.
 */
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { codeOf, messageOf, PlaceRefused } from "../base/errors.ts";
import type { DataFolder } from "../store/folder/names.ts";
import { openScratch, type Scratch } from "../store/folder/scratch.ts";
import { QueryProcess, type QueryRefusal } from "./process.ts";
import type { Query } from "./protocol.ts";

/** Limits of queries. */
type QueryLimits = {
  /** From a query's start until its client has taken the last byte. ms */
  timeMs: number;
  /** Of one process; DuckDB gets half of it. MiB */
  memoryMiB: number;
  rowsMax: number;
  atOnceMax: number;
};

/** Who asks and waits for the answer. */
type QueryAsker = {
  subject: string | null;
  signal: AbortSignal;
  onCut: (refusal: QueryRefusal, bytesSent: number) => void;
};

/** An answer that has begun, or why there is none. */
type QueryAnswer = { ok: true; body: ReadableStream<Uint8Array> } | { ok: false; refusal: QueryRefusal };

/** How a query ended; also the label of the metric. */
type QueryOutcome = "answered" | "cut" | QueryRefusal["kind"];

/**
 * After a query, a process for the next one is started and waits this long: loading DuckDB takes 110 of the 150 ms of a
 * small query. A waiting process holds 80 MB. ms
 */
const spareMs = 60_000;

/**
 * A process ends a moment after the last byte of its answer, when its client may already ask again. So a query waits
 * this long for a place before it is refused. ms
 */
const placeWaitMs = 1_000;

/** Runs queries over one data folder. */
export class QueryRunner {
  readonly #folder: DataFolder;
  readonly #limits: QueryLimits;
  /** Running processes with the subject that asked; null: a token without one. */
  readonly #running = new Map<QueryProcess, string | null>();
  readonly #outcomes = new Map<QueryOutcome, number>();
  /** Made for the first process. */
  #scratch: Scratch | undefined;
  #spare: QueryProcess | undefined;
  #spareTimer: Timer | undefined;
  #isStopped = false;

  /** Nothing is started or written before the first query. */
  constructor(folder: DataFolder, limits: QueryLimits) {
    this.#folder = folder;
    this.#limits = limits;
  }

  /** How many queries ended with each outcome. */
  outcomes(): Iterable<[outcome: QueryOutcome, queries: number]> {
    return this.#outcomes.entries();
  }

  /**
   * Runs one query of `subject`. `signal` aborts when its client has gone. Resolves with the first rows, or when there
   * will be none. `onCut` gets why an answer that had begun broke off, and after how many bytes: its client cannot be
   * sent an error any more.
   */
  async run(query: Query, { subject, signal, onCut }: QueryAsker): Promise<QueryAnswer> {
    const untilMs = performance.now() + placeWaitMs;
    while (!this.#hasPlaceFor(subject)) {
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0 || signal.aborted || this.#isStopped)
        return this.#refuse({ kind: "busy", message: "", position: undefined });
      await Promise.race([Bun.sleep(leftMs), ...[...this.#running.keys()].map(({ ended }) => ended)]);
    }
    const child = this.#takeSpare() ?? this.#trySpawn();
    if (!(child instanceof QueryProcess)) return this.#refuse(child);
    this.#running.set(child, subject);
    child.start(query, { ...this.#limits, root: this.#folder.root });
    // At once, so that a client that asks one question after another need not wait while the next process loads DuckDB.
    this.#keepSpare();
    child.ended.then(() => this.#hasEnded(child));
    signal.addEventListener("abort", () => child.end("gone"), { once: true });
    if (signal.aborted || this.#isStopped) child.end("gone");
    const first = await child.read();
    if (first !== undefined) return { ok: true, body: this.#bodyOf(child, first, onCut) };
    const refusal = await child.refusal();
    if (refusal !== undefined) return this.#refuse(refusal);
    this.#count("answered");
    return { ok: true, body: new Blob([]).stream() };
  }

  /** Ends all running queries, whose clients see their answers break off, and leaves nothing behind. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    const left = [...this.#running.keys()];
    const spare = this.#takeSpare();
    if (spare !== undefined) left.push(spare);
    for (const child of left) child.end("gone");
    await Promise.all(left.map((child) => child.ended));
    this.#scratch?.[Symbol.dispose]();
  }

  #bodyOf(child: QueryProcess, first: Uint8Array, onCut: QueryAsker["onCut"]): ReadableStream<Uint8Array> {
    let bytesSent = 0;
    let next: Uint8Array | undefined = first;
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const bytes = next ?? (await child.read());
        next = undefined;
        if (bytes !== undefined) {
          bytesSent += bytes.byteLength;
          return controller.enqueue(bytes);
        }
        const refusal = await child.refusal();
        this.#count(refusal === undefined ? "answered" : "cut");
        if (refusal === undefined) return controller.close();
        onCut(refusal, bytesSent);
        // Without a reason: the runtime would print it, and the client never sees it.
        controller.error();
      },
      cancel: () => {
        this.#count("gone");
        child.end("gone");
      },
    });
  }

  /** A process, or a refusal if the system has no descriptor, process, memory or disk space for one now. */
  #trySpawn(): QueryProcess | QueryRefusal {
    try {
      return this.#spawn();
    } catch (error) {
      if (codeOf(error) === undefined && !(error instanceof PlaceRefused)) throw error;
      return { kind: "unavailable", message: messageOf(error), position: undefined };
    }
  }

  #spawn(): QueryProcess {
    return QueryProcess.spawn(this.#makeFolder(), this.#limits.memoryMiB);
  }

  /** Makes a folder for one process. If somebody removed the scratch folder of this service, makes another one. */
  #makeFolder(): string {
    this.#scratch ??= openScratch(this.#folder);
    try {
      return mkdtempSync(join(this.#scratch.path, "query-"));
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
    }
    this.#scratch[Symbol.dispose]();
    this.#scratch = undefined;
    this.#scratch = openScratch(this.#folder);
    return mkdtempSync(join(this.#scratch.path, "query-"));
  }

  /** Takes the waiting process, if it is alive and its folder still exists. */
  #takeSpare(): QueryProcess | undefined {
    const spare = this.#spare;
    clearTimeout(this.#spareTimer);
    this.#spare = undefined;
    if (spare?.hasFolder === true) return spare.isAlive ? spare : undefined;
    spare?.end("gone");
    return undefined;
  }

  #hasEnded(child: QueryProcess): void {
    this.#running.delete(child);
    this.#keepSpare();
  }

  /**
   * If there are two places or more, one is kept for other subjects: nobody's queries can keep everybody else's out.
   */
  #hasPlaceFor(subject: string | null): boolean {
    const { atOnceMax } = this.#limits;
    const own = [...this.#running.values()].filter((each) => each === subject).length;
    return this.#running.size < atOnceMax && own < Math.max(1, atOnceMax - 1);
  }

  #keepSpare(): void {
    if (this.#isStopped) return;
    try {
      this.#spare = this.#takeSpare() ?? this.#spawn();
    } catch {
      // No room for a folder or a process now: the next query tries again, and gets that as its refusal.
    }
    this.#spareTimer = setTimeout(() => this.#takeSpare()?.end("gone"), spareMs);
  }

  #refuse(refusal: QueryRefusal): QueryAnswer {
    this.#count(refusal.kind);
    return { ok: false, refusal };
  }

  #count(outcome: QueryOutcome): void {
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
  }
}
