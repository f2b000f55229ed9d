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
import { fileURLToPath } from "node:url";
import { codeOf, messageOf, PlaceRefused } from "../base/errors.ts";
import type { Programs } from "../base/programs.ts";
import type { DataFolder } from "../store/folder/names.ts";
import { openScratch, type Scratch } from "../store/folder/scratch.ts";
import { type Place, Places } from "./places.ts";
import { QueryProcess, type QueryRefusal } from "./process.ts";
import type { Query } from "./protocol.ts";
import { Spares } from "./spares.ts";

/** The source of the program of a query's process. */
export const sandboxSource = fileURLToPath(new URL("./sandbox.ts", import.meta.url));

/** Limits of queries. */
type QueryLimits = {
  /** From a query's start until its client has taken the last byte. ms */
  timeMs: number;
  /** Of one process; DuckDB gets half of it. MiB */
  memoryMiB: number;
  rowsMax: number;
  atOnceMax: number;
  /** Processes that wait for a query. */
  sparesMax: number;
  /** Nice value of the processes, if it is not that of queries. */
  niceness?: number;
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
 * A query waits this long for a place before it is refused. Dashboards ask for all their panels at once, and do not ask
 * again after a 429; with one place for each subject, ten panels run one after the other. ms
 */
const placeWaitMs = 5_000;

/** Runs queries over one data folder. */
export class QueryRunner {
  readonly #folder: DataFolder;
  readonly #limits: QueryLimits;
  readonly #programs: Programs;
  /** Running processes with their places. */
  readonly #running = new Map<QueryProcess, Place>();
  readonly #places: Places;
  readonly #outcomes = new Map<QueryOutcome, number>();
  /** Made for the first process. */
  #scratch: Scratch | undefined;
  readonly #spares: Spares;
  /** Processes that have answered and are ending. */
  readonly #ending = new Set<QueryProcess>();
  #isStopped = false;

  /** Nothing is started or written before `prepare` or the first query. */
  constructor(folder: DataFolder, limits: QueryLimits, programs: Programs) {
    this.#folder = folder;
    this.#programs = programs;
    this.#limits = limits;
    this.#places = new Places(limits.atOnceMax);
    const spawn = () => {
      const child = this.#trySpawn();
      // Without room for a process the next query tries again, and gets that as its refusal.
      return child instanceof QueryProcess ? child : undefined;
    };
    const prepare = () => programs.bundleInto(() => this.#scratchPath());
    this.#spares = new Spares({ prepare, spawn, sparesMax: limits.sparesMax });
  }

  /** Starts processes that wait for the first queries. */
  prepare(): void {
    this.#spares.prepare();
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
    const asker = { subject, signal, onCut };
    const first = await this.#placeFor(asker);
    if (first === undefined) return this.#refuse({ kind: "busy", message: "", position: undefined });
    const spare = this.#spares.take();
    const answer = spare && (await this.#runIn(spare, { query, asker, place: first }));
    if (answer !== undefined) return answer;
    // If a spare has ended before it had the query, its place may have been given away.
    const place = spare === undefined ? first : await this.#placeFor(asker);
    if (place === undefined) return this.#refuse({ kind: "busy", message: "", position: undefined });
    const child = this.#trySpawn();
    if (!(child instanceof QueryProcess)) {
      place.free();
      return this.#refuse(child);
    }
    const own = await this.#runIn(child, { query, asker, place });
    return (
      own ?? this.#refuse({ kind: "unavailable", message: "a query's process ended at once", position: undefined })
    );
  }

  /** Waits for a place. Undefined: there is none in time, or the client or the service does not want one any more. */
  async #placeFor(asker: QueryAsker): Promise<Place | undefined> {
    const place = this.#isStopped ? undefined : await this.#places.take(asker, placeWaitMs);
    if (!this.#isStopped && !asker.signal.aborted) return place;
    place?.free();
    return undefined;
  }

  /** Undefined: the process ended before it had its order, so that another one can run the query. */
  async #runIn(child: QueryProcess, { query, asker, place }: { query: Query; asker: QueryAsker; place: Place }) {
    const { signal, onCut } = asker;
    this.#running.set(child, place);
    child.start(query, { ...this.#limits, root: this.#folder.root });
    child.ended.then(() => this.#hasEnded(child));
    signal.addEventListener("abort", () => child.end("gone"), { once: true });
    if (signal.aborted || this.#isStopped) child.end("gone");
    const first = await child.read();
    if (first !== undefined) return { ok: true, body: this.#bodyOf(child, first, onCut) } as const;
    const refusal = await this.#endOf(child);
    if (refusal?.kind === "memory" && !child.hasTaken) return undefined;
    if (refusal !== undefined) return this.#refuse(refusal);
    this.#count("answered");
    return { ok: true, body: new Blob([]).stream() } as const;
  }

  /** How a query ended whose last byte was read. Its place is free, although its process may take some ms to end. */
  async #endOf(child: QueryProcess): Promise<QueryRefusal | undefined> {
    const refusal = await child.refusal();
    if (this.#running.has(child)) this.#ending.add(child);
    this.#freePlaceOf(child);
    return refusal;
  }

  /** Ends all running queries, whose clients see their answers break off, and leaves nothing behind. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#places.stop();
    const left = [...this.#running.keys(), ...this.#ending];
    for (const child of left) child.end("gone");
    await Promise.all([this.#programs.stop(), this.#spares.stop(), ...left.map((child) => child.ended)]);
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
        const refusal = await this.#endOf(child);
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
    return QueryProcess.spawn(this.#programs.entryOf(sandboxSource), this.#makeFolder(), this.#limits);
  }

  #scratchPath(): string {
    this.#scratch ??= openScratch(this.#folder);
    return this.#scratch.path;
  }

  /** Makes a folder for one process. If somebody removed the scratch folder of this service, makes another one. */
  #makeFolder(): string {
    try {
      return mkdtempSync(join(this.#scratchPath(), "query-"));
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
    }
    this.#scratch?.[Symbol.dispose]();
    this.#scratch = undefined;
    return mkdtempSync(join(this.#scratchPath(), "query-"));
  }

  #freePlaceOf(child: QueryProcess): void {
    this.#running.get(child)?.free();
    this.#running.delete(child);
  }

  #hasEnded(child: QueryProcess): void {
    this.#freePlaceOf(child);
    this.#ending.delete(child);
  }

  #refuse(refusal: QueryRefusal): QueryAnswer {
    this.#count(refusal.kind);
    return { ok: false, refusal };
  }

  #count(outcome: QueryOutcome): void {
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
  }
}
