/** Gives threads that answer somebody precedence over those that nobody waits for. */
import { readdirSync, readFileSync } from "node:fs";
import { setPriority } from "node:os";
import { codeOf } from "./errors.ts";

/**
 * Bun's threads for asynchronous work. DuckDB's queries run on them, and the threads that they start inherit their
 * priority.
 */
const poolName = /^Bun Pool/;

/**
 * Sets the nice value of the pool's threads in this process, those that exist now; on Linux it belongs to a thread, not
 * to a process. Elsewhere, and if it is not allowed, nothing changes.
 */
export function lowerPoolPriority(nice: number): void {
  for (const thread of unlessRefused(() => readdirSync("/proc/self/task")) ?? [])
    unlessRefused(() => {
      if (poolName.test(readFileSync(`/proc/self/task/${thread}/comm`, "utf8"))) setPriority(Number(thread), nice);
    });
}

/**
 * Undefined without /proc, without the right, or if the thread has ended meanwhile: the other threads still have their
 * turn.
 */
function unlessRefused<Result>(ask: () => Result): Result | undefined {
  try {
    return ask();
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return undefined;
  }
}
