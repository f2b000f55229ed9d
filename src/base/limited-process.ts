/** Starts processes whose limits the system itself enforces. */
import { writeFileSync } from "node:fs";
import { codeOf } from "./errors.ts";
import { invariant } from "./invariant.ts";
import { backgroundNiceness } from "./priority.ts";

/**
 * A shell sets the limits, because they must hold before the runtime starts: it reserves address space at its start,
 * and less where less is allowed (measured: 80 MB resident either way). Past the limit an allocation fails.
 */
const limited = (niceness: number) => `ulimit -d "$0" && exec nice -n ${niceness} "$@"`;

/**
 * The runtime reserves a GiB, or two, where the limit allows more than that, and aborts at its start if it is then left
 * with less than this. Seen on Bun 1.4.5 between 1,025 and 1,152 MiB and between 2,049 and 2,190. MiB
 */
const reserved = { steps: [1_024, 2_048], leftMin: 192 };

/** The limit to set for a process that may have this much memory: within it, and such that the process starts. MiB */
function startableMiB(memoryMiB: number): number {
  const step = reserved.steps.find((each) => memoryMiB > each && memoryMiB < each + reserved.leftMin);
  return step ?? memoryMiB;
}

/** What to start, the limit of its memory, and its nice value. */
type LimitedProcess = { entry: string; args: readonly string[]; memoryMiB: number; niceness?: number | undefined };

/**
 * The command and environment of a process of our own with less memory and a smaller share of the processor. It gets
 * nothing of the service's environment, which may hold the key. Its working folder must be `/` or one of ours, so that
 * no other file configures it.
 */
export function limitedProcess({ entry, args, memoryMiB, niceness = backgroundNiceness }: LimitedProcess) {
  const own = [process.execPath, "--no-orphans", entry, ...args];
  const command = ["/bin/sh", "-c", limited(niceness), String(startableMiB(memoryMiB) * 1024), ...own];
  return { command, env: { PATH: process.env["PATH"] } };
}

/**
 * Ends such a process, at once and with SIGKILL; what it has said must be written. At an ordinary exit the runtime
 * looks for children in `/proc/PID/task`. While the kernel forgets these entries, a process that waits for this one
 * spins: at this one's small share of the processor, 100 to 400 ms were seen, in which the service answered nobody.
 */
export function endAtOnce(): never {
  process.kill(process.pid, "SIGKILL");
  invariant(false, "nothing runs after SIGKILL");
}

/** Called by such a process: if the machine runs out of memory, the kernel kills it before the service. */
export function yieldMemory(): void {
  try {
    writeFileSync("/proc/self/oom_score_adj", "1000");
  } catch (error) {
    // Not every system allows this, and the process's limits hold without it.
    if (codeOf(error) === undefined) throw error;
  }
}
