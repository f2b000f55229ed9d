/** What a service uses and holds while it is under load, looked at once a second. */
import { readFileSync } from "node:fs";
import { lookDuring } from "./looks.ts";

/** What was seen during one load. */
export interface Course {
  /** Resident memory at each look. MB, of a million bytes. */
  readonly memoryMB: readonly number[];
  /** The most that was ever resident, as the kernel knows it; between looks too. */
  readonly memoryPeakMB: number;
  /** Acknowledged and not yet sealed, at each look. */
  readonly eventsPending: readonly number[];
  /** Processor time that all of its threads took, user and system. */
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

/** Reads resident memory, now and at its highest, out of the text of /proc/PID/status. MB, of a million bytes. */
export function parseMemory(status: string): { nowMB: number; peakMB: number } {
  const megabytes = (name: string): number => {
    const kibibytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1];
    if (kibibytes === undefined) throw new Error(`no ${name} in the status of the process`);
    return (Number(kibibytes) * 1024) / 1e6;
  };
  return { nowMB: megabytes("VmRSS"), peakMB: megabytes("VmHWM") };
}

/** Reads user and system time out of the text of /proc/PID/stat. */
export function parseCpuSeconds(stat: string): number {
  // The second field is the program's name in brackets, and may hold blanks and brackets itself.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [user, system] = [Number(fields[11]), Number(fields[12])];
  if (!Number.isInteger(user + system)) throw new Error(`no processor times in: ${stat}`);
  return (user + system) / ticksPerSecond;
}

/** Resident memory of a process, now and at its highest. MB, of a million bytes. */
export function readMemory(pid: number): { nowMB: number; peakMB: number } {
  return parseMemory(readFileSync(`/proc/${pid}/status`, "utf8"));
}

function readCpuSeconds(pid: number): number {
  return parseCpuSeconds(readFileSync(`/proc/${pid}/stat`, "utf8"));
}
