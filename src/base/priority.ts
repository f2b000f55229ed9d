/** Gives threads that answer somebody precedence over those that nobody waits for. */
import { ptr } from "bun:ffi";
import { readdirSync } from "node:fs";
import { availableParallelism, getPriority, setPriority } from "node:os";
import { codeOf } from "./errors.ts";
import { libc } from "./libc.ts";

/**
 * Nice value of flushes, and of merges that fall behind: a tenth of ingest's share while both want the processor, and
 * all of it when nobody else does. With less, flushes fall behind where other programs fill the cores, and ingest has
 * to wait for them.
 */
export const flushNiceness = 10;

/**
 * Nice value of queries, and of merges that keep up: a thirtieth of ingest's share. A process needs it from its first
 * instruction on: a starting runtime takes a core for longer than a request may wait.
 */
export const backgroundNiceness = 15;

/** The smallest share, behind queries: for what nobody waits for. */
export const lowestNiceness = 19;

/**
 * Raises the nice value of all threads of this process to this one; those that they start later inherit it. On Linux it
 * belongs to a thread, not to a process. Elsewhere, and where it is not allowed, nothing changes.
 */
export function lowerPriority(nice: number): void {
  for (const thread of unlessRefused(() => readdirSync("/proc/self/task")) ?? [])
    unlessRefused(() => {
      if (getPriority(Number(thread)) < nice) setPriority(Number(thread), nice);
    });
}

/** Numbers of the system calls `sched_getscheduler` and `sched_setattr`. */
const schedulerCalls = new Map([
  ["x64", { policyOf: 145, setAttributes: 314 }],
  ["arm64", { policyOf: 120, setAttributes: 274 }],
]);

/** What Linux calls the ordinary policy, the size of its attributes, and the flag that keeps them from children. */
const ordinary = { policy: 0, bytes: 48, resetOnFork: 1n };

/** Shorter than any default: the kernel's is 0.7 ms on one core and longer on more. ns */
const sliceNs = 400_000n;

/**
 * Lets the calling thread, when it wakes, interrupt a thread of lower priority at once. Otherwise a thread that has
 * begun its slice may go on to the next tick of the kernel, for up to 4 ms. See sched_setattr(2) and the kernel's
 * `sched-eevdf`; kernels before 6.12 ignore it. Nothing changes on one core, where it is not allowed, and where an
 * operator has chosen another policy or a higher priority.
 */
export function interruptOthers(): void {
  const system = libc();
  const calls = schedulerCalls.get(process.arch);
  if (system === undefined || calls === undefined) return;
  // On one core the main thread and a shard would interrupt each other: a seventh fewer requests a second.
  if (availableParallelism() === 1) return;
  const nice = getPriority();
  if (nice < 0 || Number(system.syscall(calls.policyOf, 0, null, 0)) !== ordinary.policy) return;
  const attributes = new DataView(new ArrayBuffer(ordinary.bytes));
  attributes.setUint32(0, ordinary.bytes, true);
  attributes.setUint32(4, ordinary.policy, true);
  attributes.setBigUint64(8, ordinary.resetOnFork, true);
  attributes.setInt32(16, nice, true);
  attributes.setBigUint64(24, sliceNs, true);
  system.syscall(calls.setAttributes, 0, ptr(attributes), 0);
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
