/** How many connections a load generator, and the server at their other end, may open here. */
import { readFileSync } from "node:fs";

/**
 * What a process opens beside its connections: of the generator a few, of a service its journals, segments and threads
 * too.
 */
const otherFilesMax = 256;

/**
 * Most connections of one process. Bun raises its own limit to the hard one at start, and what it starts inherits that.
 */
export function connectionsMax(): number {
  return openFilesMax(readFileSync("/proc/self/limits", "utf8")) - otherFilesMax;
}

/** The soft limit of open files, out of /proc/PID/limits; Infinity where there is none. */
export function openFilesMax(limits: string): number {
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
  if (soft === undefined) throw new Error("no open files among the limits of the process");
  return soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
}
