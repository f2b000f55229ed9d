/** The main thread's side of the rewriting process: one at a time, killed when it is no longer wanted. */
import { readdirSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withKeptDescriptor } from "../base/descriptors.ts";
import { MillraceError } from "../base/errors.ts";
import { limitedProcess } from "../base/limited-process.ts";
import type { Programs } from "../base/programs.ts";
import { type DataFolder, unfinishedSuffix } from "../store/folder/names.ts";
import { allocatorEnvironment } from "../store/sql/allocator.ts";
import type { RewriteJob, RewriteOrder, RewriteOutcome, RewriteReplies } from "./protocol.ts";

/** The process could not do its job now: killed, out of memory, a full disk. */
export class RewriteFailed extends MillraceError {
  override readonly name = "RewriteFailed";
}

/** An erasure that is recorded could not finish now: it is resumed in the background. */
export class ErasureResumed extends RewriteFailed {}

/** Only a person can remove what blocks the job; the message names it and says what to do. */
export class RewriteBlocked extends RewriteFailed {}

/** DuckDB had too little memory, or too little room to spill, for the job. */
export class RewriteOutOfMemory extends RewriteFailed {}

/** The request cannot be carried out, now or later. */
export class RewriteRefused extends MillraceError {
  override readonly name = "RewriteRefused";
}

/** Memory limit of DuckDB in the process unless the job says otherwise; past it DuckDB spills to disk. MiB */
const duckdbMiB = 512;

/**
 * Memory limit of a process that merges or imports, for what DuckDB may have: the guard against what DuckDB allocates
 * beyond its limit. The system counts what allocators reserve, too: with 4 GiB, DuckDB could not always have 960 MiB.
 * MiB
 */
const processMiB = (duckdbMiB: number) => 2_048 + 6 * duckdbMiB;

/** The source of the process's program. */
export const rewriteSource = fileURLToPath(new URL("./rewrite-process.ts", import.meta.url));

/** Time and memory of a job that evaluates a client's condition; DuckDB gets half of the memory. */
export type RewriteGuard = { timeMs: number; memoryMiB: number };

/**
 * What a job takes of the processor: DuckDB's threads, by default as many as cores, and the nice value of the process,
 * by default that of background work.
 */
export type ProcessorShare = { threads?: number | undefined; niceness?: number | undefined };

/**
 * Options of a job: `signal` aborts when nobody waits for it any more; `guard` limits a client's condition; `memoryMiB`
 * and `spillMiB` are DuckDB's.
 */
type RewriteOptions = ProcessorShare & {
  signal?: AbortSignal;
  guard?: RewriteGuard | undefined;
  memoryMiB?: number;
  spillMiB?: number;
};

/** Runs rewriting processes. */
export class Rewriter implements Disposable {
  readonly #folder: DataFolder;
  readonly #programs: Pick<Programs, "entryOf">;
  #child: Bun.Subprocess | undefined;
  #processorMs = 0;
  #isDisposed = false;

  constructor(folder: DataFolder, programs: Pick<Programs, "entryOf">) {
    this.#folder = folder;
    this.#programs = programs;
  }

  /**
   * Does one job in a process of its own. REQUIRES: no other job runs.
   * @throws RewriteRefused with what is wrong with the job, which may be that it exceeded its guard; RewriteFailed when
   * a retry may succeed, or when nobody waits for it; RewriteOutOfMemory when one with more memory may
   */
  async run<Job extends RewriteJob>(
    job: Job,
    { signal, guard, threads = availableParallelism(), niceness, memoryMiB = duckdbMiB, spillMiB }: RewriteOptions = {},
  ): Promise<RewriteReplies[Job["kind"]]> {
    if (this.#isDisposed) throw new RewriteFailed("the service stops");
    const isLeft = () => signal?.aborted === true;
    if (isLeft()) throw new RewriteFailed(nobodyWaits);
    const limits = { memoryMiB: guard === undefined ? memoryMiB : Math.floor(guard.memoryMiB / 2), spillMiB };
    const order: RewriteOrder = { folder: this.#folder, threads, ...limits, job };
    const limit = guard?.memoryMiB ?? processMiB(memoryMiB);
    const { command, env: limitedEnv } = limitedProcess({
      entry: this.#programs.entryOf(rewriteSource),
      args: [],
      memoryMiB: limit,
      niceness,
    });
    const env = { ...limitedEnv, ...allocatorEnvironment };
    // Passed as one buffer: writing to a process that was killed meanwhile would throw a second error.
    const stdin = Buffer.from(JSON.stringify(order));
    // Not in the data folder: the runtime would obey a bunfig.toml there.
    const child = withKeptDescriptor(() =>
      Bun.spawn(command, { env, cwd: "/", stdin, stdout: "pipe", stderr: "pipe" }),
    );
    this.#child = child;
    let isTooLong = false;
    const timer =
      guard &&
      setTimeout(() => {
        isTooLong = true;
        child.kill("SIGKILL");
      }, guard.timeMs);
    const leave = () => child.kill("SIGKILL");
    signal?.addEventListener("abort", leave, { once: true });
    let isDone = false;
    try {
      const [text, complaint] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
      const outcome = outcomeOf<RewriteReplies[Job["kind"]]>(text);
      if (outcome === undefined) {
        if (isLeft()) throw new RewriteFailed(nobodyWaits);
        if (isTooLong && guard !== undefined)
          throw new RewriteRefused(`The condition took longer than ${guard.timeMs / 1000} s and was ended`);
        if (guard !== undefined && !this.#isDisposed)
          throw new RewriteRefused(`The condition ended its process, which may have ${guard.memoryMiB} MiB of memory`);
        throw new RewriteFailed(`ended with ${child.signalCode ?? child.exitCode}: ${complaint.slice(-500)}`);
      }
      if (outcome.kind === "refused") throw new RewriteRefused(outcome.message);
      if (outcome.kind === "out of memory") throw new RewriteOutOfMemory(outcome.message);
      if (outcome.kind !== "done") throw new RewriteFailed(outcome.message);
      isDone = true;
      return outcome.result;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", leave);
      this.#child = undefined;
      this.#processorMs += Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1000;
      if (!isDone) this.#removeUnfinished(child.pid);
    }
  }

  /** Processor time of all processes that have ended. ms */
  get processorMs(): number {
    return this.#processorMs;
  }

  /** Removes what a killed or failed process left: an unfinished segment, and DuckDB's spill files. */
  #removeUnfinished(pid: number): void {
    const { root, segments } = this.#folder;
    for (const folder of [root, segments])
      for (const file of readdirSync(folder))
        if (file.includes(`.${pid}${unfinishedSuffix}`)) rmSync(join(folder, file), { recursive: true, force: true });
  }

  /** Kills the running process, if any: its job fails, and nothing has changed. */
  abort(): void {
    this.#child?.kill("SIGKILL");
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.abort();
  }
}

const nobodyWaits = "nobody waits for it any more";

/**
 * Parses the process's answer; undefined if it ended before it answered. Our own code wrote it, so its shape is
 * trusted.
 */
function outcomeOf<Result>(text: string): RewriteOutcome<Result> | undefined {
  return text.endsWith("\n") ? (JSON.parse(text) as RewriteOutcome<Result>) : undefined;
}
