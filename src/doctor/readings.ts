/** What a machine says of itself. Reads only. */
import { existsSync, readFileSync, statfsSync } from "node:fs";
import { totalmem } from "node:os";
import { dirname } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { descriptorLimit } from "../base/descriptors.ts";
import type { MachineReading } from "./machine.ts";

/** Reads the machine on which `root` is, or is to be. */
export function readMachine(root: string): MachineReading {
  let there = root;
  while (!existsSync(there) && dirname(there) !== there) there = dirname(there);
  const { bavail, bsize, ffree, files } = statfsSync(there);
  return {
    bunVersion: Bun.version,
    bunWanted: packageJson.engines.bun,
    descriptorsMax: descriptorLimit(),
    memoryBytes: Math.min(totalmem(), ...memoryLimits()),
    fileSystem: fileSystemOf(there),
    freeBytes: bavail * bsize,
    files: { free: ffree, all: files },
    nowMs: Date.now(),
    isClockSynchronized: isClockSynchronized(),
  };
}

/** What a file says, or nothing where there is none: other systems have others. */
function said(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}

/** Limits of the control group, of both versions; `max` and nothing are none. Bytes. */
function memoryLimits(): number[] {
  const paths = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
  return paths.map(said).flatMap((text) => (/^\d+$/.test(text) ? [Number(text)] : []));
}

/** The kind of the file system that is mounted closest above a path. */
function fileSystemOf(path: string): string | undefined {
  const plain = (text: string) =>
    text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
  let found: { place: string; kind: string } | undefined;
  for (const line of said("/proc/self/mounts").split("\n")) {
    const [, place = "", kind = ""] = line.split(" ").map(plain);
    const holds = place === "/" || path === place || path.startsWith(`${place}/`);
    // A later mount lies over an earlier one.
    if (place !== "" && holds && place.length >= (found?.place.length ?? 0)) found = { place, kind };
  }
  return found?.kind;
}

/** Undefined: nobody here knows. */
function isClockSynchronized(): boolean | undefined {
  if (existsSync("/run/systemd/timesync/synchronized")) return true;
  try {
    const asked = Bun.spawnSync(["timedatectl", "show", "--property=NTPSynchronized", "--value"], { timeout: 2_000 });
    const answer = asked.success ? asked.stdout.toString().trim() : "";
    return answer === "yes" ? true : answer === "no" ? false : undefined;
  } catch {
    // No such command.
    return undefined;
  }
}
