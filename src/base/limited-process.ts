/** Starting a process that the system itself keeps within limits. */
import { writeFileSync } from "node:fs";
import { codeOf } from "./errors.ts";

/**
 * A tenth of the share that ingest has while both want the processor, and all of it when nobody else does. From its
 * first instruction on: a runtime that starts takes a core for as long as a request must not wait.
 */
const niceness = 10;

/**
 * A shell sets the limits, because they must hold before the runtime starts: it reserves address space as it begins,
 * and takes less where less is allowed (measured: 80 MB resident either way). Past the limit an allocation fails.
 */
const limited = `ulimit -d "$0" && exec nice -n ${niceness} "$@"`;

/** What is to be started, and all the memory that it may have. */
type LimitedProcess = { entry: string; args: readonly string[]; memoryMiB: number };

/**
 * The command and the environment of a process of our own with less memory and less of the processor. It gets nothing
 * of the service's environment, which may hold the key; give it a working folder of ours too, so that no other file
 * configures it.
 */
export const limitedProcess = ({ entry, args, memoryMiB }: LimitedProcess) => ({
  command: ["/bin/sh", "-c", limited, String(memoryMiB * 1024), process.execPath, "--no-orphans", entry, ...args],
  env: { PATH: process.env["PATH"] },
});

/** Called by such a process: when the machine lacks memory, it goes before the service. */
export function yieldMemory(): void {
  try {
    writeFileSync("/proc/self/oom_score_adj", "1000");
  } catch (error) {
    // Not everywhere may a process say so, and its limits hold without.
    if (codeOf(error) === undefined) throw error;
  }
}
