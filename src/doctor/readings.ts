/** Reads what the machine reports about itself. Changes nothing. */
import { existsSync, readFileSync, statfsSync } from "node:fs";
import { totalmem } from "node:os";
import { dirname } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { descriptorLimit } from "../base/descriptors.ts";
import type { MachineReading } from "./machine.ts";

/** Reads the machine that `root` is on, or will be on. */
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

/** The content of a file, or an empty string if it cannot be read: other systems do not have these files. */
function said(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}

/** Memory limits of the control group, versions 1 and 2. `max` or a missing file means no limit. Bytes. */
function memoryLimits(): number[] {
  const paths = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
  return paths.map(said).flatMap((text) => (/^\d+$/.test(text) ? [Number(text)] : []));
}

/** The type of the file system that holds a path. */
function fileSystemOf(path: string): string | undefined {
  const plain = (text: string) =>
    text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
  let found: { place: string; kind: string } | undefined;
  for (const line of said("/proc/self/mounts").split("\n")) {
    const [, place = "", kind = ""] = line.split(" ").map(plain);
    const holds = place === "/" || path === place || path.startsWith(`${place}/`);
    // A later mount covers an earlier one at the same place.
    if (place !== "" && holds && place.length >= (found?.place.length ?? 0)) found = { place, kind };
  }
  return found?.kind;
}

/** Undefined if the machine does not report it. */
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
