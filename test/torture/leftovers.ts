/** Cleans up after a run that ended in the middle of a round: processes, mounts, loop devices and folders. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { descendantsOf, readProc } from "../support/process.ts";

const prefix = "millrace-torture-run-";

/** Makes the folder of this run in a temporary folder; its name says which run owns it. */
export function makeRunFolder(tmp: string): string {
  const path = join(tmp, `${prefix}${process.pid}`);
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path);
  return path;
}

/** Control groups with a memory limit are here, with the id of the run in their names. */
export const memoryGroups = "/sys/fs/cgroup/memory";

/** Name of a group of this run. */
export const memoryGroupName = (round: number) => `millrace-${process.pid}-${round}`;

/** Releases and removes the folders of killed runs; returns their paths. */
export function removeLeftovers(tmp: string): string[] {
  const left = readdirSync(tmp)
    .filter((name) => name.startsWith(prefix))
    .filter((name) => {
      const pid = name.slice(prefix.length);
      return pid === String(process.pid) || !/torture/.test(readProc(`${pid}/cmdline`));
    })
    .map((name) => join(tmp, name));
  for (const path of left) removeReleased(path);
  removeMemoryGroups((pid) => !/torture/.test(readProc(`${pid}/cmdline`)));
  return left;
}

/** Removes the memory groups of runs by their ids. A group that still has a process stays. */
export function removeMemoryGroups(isOver: (pid: string) => boolean): void {
  if (!existsSync(memoryGroups)) return;
  for (const name of readdirSync(memoryGroups)) {
    const [, pid] = /^millrace-(\d+)-\d+$/.exec(name) ?? [];
    if (pid === undefined || !isOver(pid)) continue;
    try {
      rmdirSync(join(memoryGroups, name));
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EBUSY")) throw error;
    }
  }
}

/** Releases a folder and removes it. */
export function removeReleased(path: string): void {
  releaseUnder(path);
  rmSync(path, { recursive: true, force: true });
}

/** Unmounts every file system below a folder and detaches loop devices whose files are there. */
export function releaseUnder(folder: string): void {
  const isBelow = (path: string) => path === folder || path.startsWith(`${folder}/`);
  // All unmounts first: a loop device can be detached only once its file system is unmounted.
  const mounted = readProc("self/mounts")
    .split("\n")
    .flatMap((line) => line.split(" ").slice(1, 2))
    .map((path) => path.replaceAll("\\040", " "))
    .filter(isBelow)
    .toReversed();
  const loops = loopDevices().filter(({ file }) => isBelow(file));
  for (const path of mounted) Bun.spawnSync(["umount", "-l", path]);
  for (const { device } of loops) Bun.spawnSync(["losetup", "--detach", device]);
}

function loopDevices(): { device: string; file: string }[] {
  return readdirSync("/sys/block")
    .filter((name) => name.startsWith("loop"))
    .flatMap((name) => {
      try {
        const file = readFileSync(`/sys/block/${name}/loop/backing_file`, "utf8").trim();
        return [{ device: `/dev/${name}`, file: file.replace(/ \(deleted\)$/, "") }];
      } catch {
        // A device without a file has no such entry.
        return [];
      }
    });
}

/** Ends all descendants of this process by their ids, frozen ones too. */
export function endDescendants(): void {
  for (const pid of descendantsOf(process.pid))
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
    }
}
