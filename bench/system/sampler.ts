/** Samples once a second what a service uses and holds under load. */
import { readFileSync } from "node:fs";
import { familyOf, keeperOf, read } from "./family.ts";
import { lookDuring } from "./looks.ts";

/** The samples of one load. */
export interface Course {
  /** Resident memory of all its processes at each look. MB, of a million bytes. */
  readonly memoryMB: readonly number[];
  /** The highest resident memory that the kernel recorded, also between samples. */
  readonly memoryPeakMB: number;
  /** Acknowledged and not yet sealed, at each look. */
  readonly eventsPending: readonly number[];
  /** Processor time that all threads of the service and of its keeper took, user and system. */
  readonly cpuSeconds: number;
}

/** What to look at. */
export interface Watched {
  /** Process to read about under /proc. */
  readonly pid: number;
  /** Asks it how many events wait to be sealed. */
  readonly eventsPending: () => Promise<number>;
}

/** The unit of the times in /proc/PID/stat: USER_HZ, 100 on every Linux that Bun runs on. */
const ticksPerSecond = 100;

const lookEveryMs = 1_000;

/**
 * Does `work` and looks at the process once a second meanwhile, at its start and at its end too.
 * A look that fails ends the work, through the signal that it is given.
 * @throws Error whatever `work` throws, or a look that failed
 */
export async function watchDuring<T>(
  work: (signal: AbortSignal) => Promise<T>,
  watched: Watched,
): Promise<{ result: T; course: Course }> {
  const cpuSecondsBefore = readCpuSeconds(watched.pid);
  const { result, looks } = await lookDuring(work, {
    everyMs: lookEveryMs,
    look: async () => ({ memoryMB: readMemory(watched.pid).nowMB, eventsPending: await watched.eventsPending() }),
  });
  const cpuSeconds = readCpuSeconds(watched.pid) - cpuSecondsBefore;
  const memoryMB = looks.map(({ found }) => found.memoryMB);
  const eventsPending = looks.map(({ found }) => found.eventsPending);
  return { result, course: { memoryMB, eventsPending, memoryPeakMB: readMemory(watched.pid).peakMB, cpuSeconds } };
}

/** Reads resident memory, now and at its highest, from /proc/PID/status. MB, of a million bytes. */
export function parseMemory(status: string): { nowMB: number; peakMB: number } {
  const megabytes = (name: string): number => {
    const kibibytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1];
    if (kibibytes === undefined) throw new Error(`no ${name} in the status of the process`);
    return (Number(kibibytes) * 1024) / 1e6;
  };
  return { nowMB: megabytes("VmRSS"), peakMB: megabytes("VmHWM") };
}

/** Reads user and system time from /proc/PID/stat. */
export function parseCpuSeconds(stat: string): number {
  // The second field is the program's name in brackets, and may hold blanks and brackets itself.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [user, system] = [Number(fields[11]), Number(fields[12])];
  if (!Number.isInteger(user + system)) throw new Error(`no processor times in: ${stat}`);
  return (user + system) / ticksPerSecond;
}

/** The proportional share of resident memory, from /proc/PID/smaps_rollup. MB, of a million bytes. */
export function parseShare(rollup: string): number {
  const kibibytes = /^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1];
  if (kibibytes === undefined) throw new Error("no Pss in the memory of the process");
  return (Number(kibibytes) * 1024) / 1e6;
}

/**
 * Resident memory of a process and of all that it started, now and at its highest. What several of them share counts
 * once. The highest is a bound: as if each had been at its own highest at the same time. MB, of a million bytes.
 */
export function readMemory(pid: number): { nowMB: number; peakMB: number } {
  const sum = { nowMB: 0, peakMB: 0 };
  for (const each of familyOf(pid)) {
    const [rollup, status] = [read(`/proc/${each}/smaps_rollup`), read(`/proc/${each}/status`)];
    // It has ended meanwhile, or is ending and has given its memory back.
    if (!rollup?.includes("Pss:") || !status?.includes("VmRSS:")) continue;
    const [share, { nowMB, peakMB }] = [parseShare(rollup), parseMemory(status)];
    sum.nowMB += share;
    sum.peakMB += share + Math.max(0, peakMB - nowMB);
  }
  if (sum.nowMB === 0) throw new Error(`process ${pid} has no memory to read`);
  return sum;
}

/** Of the service and its keeper; what merges segments or answers a query has another time. */
function readCpuSeconds(pid: number): number {
  const keeper = keeperOf(pid);
  const ofKeeper = keeper === undefined ? undefined : read(`/proc/${keeper}/stat`);
  return (
    parseCpuSeconds(readFileSync(`/proc/${pid}/stat`, "utf8")) +
    (ofKeeper === undefined ? 0 : parseCpuSeconds(ofKeeper))
  );
}
