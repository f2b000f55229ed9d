/** The main thread's side of the rewriting process: one at a time, ended when it is no longer wanted. */
import { readdirSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { MillraceError } from "../base/errors.ts";
import { type DataFolder, unfinishedSuffix } from "../store/names.ts";
import type { RewriteJob, RewriteOrder, RewriteOutcome, RewriteReplies } from "./protocol.ts";

/** The process could not do its job now: killed, out of memory, a full disk. */
export class RewriteFailed extends MillraceError {
  override readonly name = "RewriteFailed";
}

/** What was asked cannot be done, now or later. */
export class RewriteRefused extends MillraceError {
  override readonly name = "RewriteRefused";
}

/**
 * A tenth of the share that ingest has while both want the processor, and all of it when nobody else does. From its first
 * instruction on: a runtime that starts takes a core for as long as a request must not wait.
 */
const niceness = 10;

/** DuckDB's memory in it; past that it spills to disk. MiB */
const memoryMiB = 512;

/** Runs rewriting processes. */
export class Rewriter implements Disposable {
  readonly #folder: DataFolder;
  #child: Bun.Subprocess | undefined;
  #isDisposed = false;

  constructor(folder: DataFolder) {
    this.#folder = folder;
  }

  /**
   * Does one job in a process of its own. REQUIRES: no other one runs.
   * @throws RewriteRefused with what is wrong with the job; RewriteFailed when it may go well another time
   */
  async run<Job extends RewriteJob>(job: Job): Promise<RewriteReplies[Job["kind"]]> {
    if (this.#isDisposed) throw new RewriteFailed("the service stops");
    const order: RewriteOrder = { folder: this.#folder, threads: availableParallelism(), memoryMiB, job };
    const command = [process.execPath, "--no-orphans", new URL("./rewrite-process.ts", import.meta.url).pathname];
    const child = Bun.spawn(
      ["nice", "-n", String(niceness), ...command],
      // Given whole: to write to a process that was killed meanwhile would be an error of its own.
      { stdin: Buffer.from(JSON.stringify(order)), stdout: "pipe", stderr: "pipe" },
    );
    this.#child = child;
    let isDone = false;
    try {
      const [text, complaint] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
      const outcome = outcomeOf<RewriteReplies[Job["kind"]]>(text);
      if (outcome === undefined)
        throw new RewriteFailed(`ended with ${child.signalCode ?? child.exitCode}: ${complaint.slice(-500)}`);
      if (outcome.kind === "refused") throw new RewriteRefused(outcome.message);
      if (outcome.kind === "failed") throw new RewriteFailed(outcome.message);
      isDone = true;
      return outcome.result;
    } finally {
      this.#child = undefined;
      if (!isDone) this.#removeLeftovers(child.pid);
    }
  }

  /** What a process left that was ended or failed: an unfinished segment, and what DuckDB spilt. */
  #removeLeftovers(pid: number): void {
    const { root, segments } = this.#folder;
    for (const folder of [root, segments])
      for (const file of readdirSync(folder))
        if (file.includes(`.${pid}${unfinishedSuffix}`)) rmSync(join(folder, file), { recursive: true, force: true });
  }

  /** Ends the process that runs, if one does: its job fails, and nothing has changed. */
  abort(): void {
    this.#child?.kill("SIGKILL");
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.abort();
  }
}

/** What the process said last; undefined when it ended before. It is our own code that says it, so its shape is trusted. */
function outcomeOf<Result>(text: string): RewriteOutcome<Result> | undefined {
  return text.endsWith("\n") ? (JSON.parse(text) as RewriteOutcome<Result>) : undefined;
}
