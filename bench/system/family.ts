/** The processes of a service: its own, and those that it started and that still run. */
import { readdirSync, readFileSync } from "node:fs";

/** A process and all below it. */
export const familyOf = (pid: number): number[] => [pid, ...childrenOf(pid).flatMap(familyOf)];

/** The process in which a service has DuckDB; undefined between two of them, or where DuckDB is in a thread. */
export const keeperOf = (pid: number): number | undefined =>
  childrenOf(pid).find((child) => (read(`/proc/${child}/cmdline`) ?? "").includes("keeper/actor"));

/** Reads a file under /proc; undefined if its process has ended. */
export function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function childrenOf(pid: number): number[] {
  const texts = tasksOf(pid).map((task) => read(`/proc/${pid}/task/${task}/children`) ?? "");
  return texts.flatMap((text) => text.split(" ").filter(Boolean).map(Number));
}

function tasksOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

const isGone = (error: unknown) =>
  error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH");
