/** Which threads the processor prefers: those that answer somebody, over those that nobody waits for. */
import { readdirSync, readFileSync } from "node:fs";
import { setPriority } from "node:os";
import { codeOf } from "./errors.ts";

/**
 * Bun's threads for asynchronous work; DuckDB's queries run on them, and threads that they start inherit their
 * priority.
 */
const poolName = /^Bun Pool/;

/**
 * Gives the threads of this process's pool a nice value, those that exist now; on Linux it belongs to a thread, not to
 * a process. Elsewhere, and where it is not allowed, nothing changes.
 */
export function lowerPoolPriority(nice: number): void {
  for (const thread of unlessRefused(() => readdirSync("/proc/self/task")) ?? [])
    unlessRefused(() => {
      if (poolName.test(readFileSync(`/proc/self/task/${thread}/comm`, "utf8"))) setPriority(Number(thread), nice);
    });
}

/**
 * No /proc, no right, or a thread that has ended meanwhile: then this thread stays as it is, and the others have their
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
