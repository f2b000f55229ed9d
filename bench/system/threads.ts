/** Processor time of a process, thread by thread. */
import { readdirSync, readFileSync } from "node:fs";
import { parseCpuSeconds } from "./sampler.ts";

/** One thread: its id, its name, and what it has taken so far. */
export interface Thread {
  readonly id: number;
  readonly name: string;
  readonly cpuSeconds: number;
}

/** The threads of a process as they are now, in the order of their birth. */
export function readThreads(pid: number): Thread[] {
  const ids = readdirSync(`/proc/${pid}/task`).map(Number);
  return ids.toSorted((a, b) => a - b).flatMap((id) => readThread(pid, id) ?? []);
}

/**
 * What each kind of thread took between two looks, in seconds. The main thread is the one with the process's id;
 * workers are distinguished by the order of their start.
 */
export function cpuByKind(pid: number, { before, after }: { before: Thread[]; after: Thread[] }): Map<string, number> {
  const earlier = new Map(before.map(({ id, cpuSeconds }) => [id, cpuSeconds]));
  const kinds = new Map<string, number>();
  let workers = 0;
  for (const { id, name, cpuSeconds } of after) {
    const kind = id === pid ? "main thread" : name === "Worker" ? `worker ${++workers}` : kindOfOther(name);
    kinds.set(kind, (kinds.get(kind) ?? 0) + cpuSeconds - (earlier.get(id) ?? 0));
  }
  return kinds;
}

/** The pool runs what is asynchronous: files, and DuckDB; the rest compile and collect. */
const kindOfOther = (name: string) => (name.startsWith("Bun Pool") ? "pool" : "compiler and collector");

/** Undefined when it has ended since it was listed. */
function readThread(pid: number, id: number): Thread | undefined {
  const folder = `/proc/${pid}/task/${id}`;
  try {
    const name = readFileSync(`${folder}/comm`, "utf8").trim();
    return { id, name, cpuSeconds: parseCpuSeconds(readFileSync(`${folder}/stat`, "utf8")) };
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH"))
      return undefined;
    throw error;
  }
}
