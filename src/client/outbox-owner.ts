/** Which process owns a file of the outbox on disk, and whether it still runs. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";

/**
 * A name that no other process has had: host, process, when the process started, chance. The start tells a process from
 * a later one with its number, as process 1 of a container has after each restart.
 */
export const newOwner = (): string =>
  [encodeURIComponent(hostname()).replaceAll(".", "%2E"), process.pid, startOf(process.pid), chance()].join(".");

/** The owner of a file that its process has released. */
export const released = (): string => `released.0.0.${chance()}`;

/** Whether the owner still runs; undefined where its process cannot be seen, because it runs on another host. */
export function isRunning(owner: string): boolean | undefined {
  const [host = "", pid = "", start] = owner.split(".");
  if (host === "released") return false;
  if (host !== newOwner().split(".")[0]) return undefined;
  return startOf(Number(pid)) === start;
}

const chance = (): string => randomBytes(6).toString("hex");

/** When a process started, in the kernel's ticks; elsewhere than on Linux only whether it runs. */
function startOf(pid: number): string {
  try {
    if (process.platform !== "linux") return process.kill(pid, 0) ? "0" : "";
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name of the program stands in brackets and may hold spaces. The start is field 22.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    // There is no such process.
    return "ended";
  }
}
