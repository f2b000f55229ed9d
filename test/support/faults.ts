/** Disks that are full, disks that are read-only, disks that fail, and ends at chosen steps. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readProc } from "./process.ts";
import { until } from "./until.ts";

/** A small file system in memory; unmounted at the end of its scope. */
export interface Disk extends AsyncDisposable {
  readonly path: string;
  /** Nothing may be written any more. REQUIRES: no file on it is open for writing. */
  makeReadOnly(): void;
  /** Undoes `makeReadOnly`. */
  makeWritable(): void;
}

/**
 * Mounts a tmpfs of `sizeMiB`. Where mounting is refused, says so in one line and gives nothing: the test that needs
 * it then ends.
 */
export function mountSmallDisk(options: { readonly sizeMiB: number }): Disk | undefined {
  const path = mkdtempSync(join(tmpdir(), "millrace-disk-"));
  const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", `size=${options.sizeMiB}m`, "tmpfs", path]);
  if (!mounted.success) {
    rmSync(path, { recursive: true });
    console.warn(`skipped: mounting a small disk was refused: ${mounted.stderr.toString().trim()}`);
    return undefined;
  }
  const remount = (mode: "ro" | "rw") => {
    const remounted = Bun.spawnSync(["mount", "-o", `remount,${mode}`, path]);
    if (!remounted.success) throw new Error(`mount -o remount,${mode}: ${remounted.stderr.toString().trim()}`);
  };
  return {
    path,
    makeReadOnly: () => remount("ro"),
    makeWritable: () => remount("rw"),
    [Symbol.asyncDispose]: async () => {
      // Lazy: a service that is still dying may hold a file for a moment.
      Bun.spawnSync(["umount", "-l", path]);
      rmSync(path, { recursive: true, force: true });
    },
  };
}

/** System calls under the disk work of the service, by what they do. */
export const diskCalls = {
  sync: "fsync,fdatasync",
  dataSync: "fdatasync",
  folderSync: "fsync",
  link: "link,linkat",
  rename: "rename,renameat,renameat2",
  remove: "unlink,unlinkat",
} as const;

/** What happens to which calls. */
export interface Fault {
  readonly calls: keyof typeof diskCalls;
  /** `error`: the call is not made and fails with EIO; `kill`: the process ends by SIGKILL as the call begins. */
  readonly fault: "error" | "kill";
  /** Of each thread's calls, from which on; the first is 1. */
  readonly from: number;
  /** Of each thread's calls, up to which; default: all that follow. */
  readonly to?: number;
  /** Gets one line for each call. */
  readonly logPath: string;
}

/**
 * A command in front of the service that does this to it. The tracer is a grandchild (`-D`), so that the process that was
 * started is the service itself. Where tracing is refused, says so in one line and gives nothing.
 */
export function faultyCalls(options: Fault): readonly string[] | undefined {
  const calls = diskCalls[options.calls];
  const traced = ["strace", "-D", "-f", "-qq", "-o"];
  const tried = Bun.spawnSync([...traced, "/dev/null", "-e", `trace=${calls}`, "true"]);
  if (!tried.success) {
    console.warn(`skipped: strace was refused: ${tried.stderr.toString().trim()}`);
    return undefined;
  }
  const what = options.fault === "error" ? "error=EIO" : "signal=SIGKILL";
  const when = options.to === undefined ? `${options.from}+` : `${options.from}..${options.to}`;
  return [...traced, options.logPath, "-e", `trace=${calls}`, "-e", `inject=${calls}:${what}:when=${when}`];
}

/** A call at which a process ends. */
export interface Step {
  readonly calls: keyof typeof diskCalls;
  /** Only calls whose first argument is this path count; default: all. */
  readonly path?: string;
  /** Of each thread's calls; the first is 1. */
  readonly nth: number;
}

/**
 * Has a running process killed by SIGKILL as one of its threads begins a call, counted from now on. Where tracing is refused,
 * says so in one line and gives nothing.
 */
export async function killAtCall(pid: number, { calls, path, nth }: Step): Promise<AsyncDisposable | undefined> {
  const names = diskCalls[calls];
  const inject = `inject=${names}:signal=SIGKILL:when=${nth}`;
  const traced = [
    "strace",
    "-f",
    "-qq",
    "-o",
    "/dev/null",
    "-p",
    String(pid),
    ...(path === undefined ? [] : ["-P", path]),
  ];
  const tracer = Bun.spawn([...traced, "-e", `trace=${names}`, "-e", inject], { stderr: "pipe" });
  const isAttached = () =>
    readdirSync(`/proc/${pid}/task`).every((task) =>
      readProc(`${pid}/task/${task}/status`).includes(`TracerPid:\t${tracer.pid}\n`),
    );
  await until(() => tracer.exitCode !== null || isAttached(), { what: "the tracer", limitMs: 10_000 });
  if (tracer.exitCode !== null) {
    console.warn(`skipped: strace was refused: ${(await tracer.stderr.text()).trim()}`);
    return undefined;
  }
  return {
    [Symbol.asyncDispose]: async () => {
      // It lets go of the process, should that still run.
      tracer.kill("SIGTERM");
      await tracer.exited;
    },
  };
}
