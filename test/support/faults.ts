/** Disks that are full, disks that are read-only, disks that fail, and ends at chosen steps. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { within } from "../../src/base/within.ts";
import { descendantsOf, readProc, tasksOf } from "./process.ts";
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

/** A tracer that lets go takes milliseconds. */
const tracerMsMax = 3_000;

/** System calls under the disk work of the service, by what they do. */
export const diskCalls = {
  sync: "fsync,fdatasync",
  dataSync: "fdatasync",
  folderSync: "fsync",
  link: "link,linkat",
  cut: "ftruncate,truncate",
  rename: "rename,renameat,renameat2",
  remove: "unlink,unlinkat",
  writeAt: "pwrite64,pwritev",
  open: "open,openat",
  write: "write,pwrite64",
} as const;

/** The tracer's log, in a folder of its own that goes at the end of its scope. */
export function callLog() {
  const folder = mkdtempSync(join(tmpdir(), "millrace-strace-"));
  const path = join(folder, "calls");
  const counted = (line: RegExp) => [...readFileSync(path, "utf8").matchAll(line)].length;
  return {
    path,
    /** Syncs that went well, and calls that a fault was put into. */
    done: () => counted(/f(?:data)?sync.*= 0$/gm),
    failed: () => counted(/INJECTED/g),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** What happens to which calls. */
export interface Fault {
  readonly calls: keyof typeof diskCalls;
  /**
   * `error`: the call is not made and fails with EIO, or with what is named; `kill`: the process ends by SIGKILL as the
   * call begins; with a delay, the call is made that much later.
   */
  readonly fault: "error" | "kill" | { readonly error: string } | { readonly delaySeconds: number };
  /** Only calls on this path, or on a file that was opened there; default: all. */
  readonly path?: string;
  /** Of each thread's calls, from which on; the first is 1. */
  readonly from: number;
  /** Of each thread's calls, up to which; default: all that follow. */
  readonly to?: number;
  /** Gets one line for each call. */
  readonly logPath: string;
}

/**
 * A command in front of the service that does this to it. The tracer is a grandchild (`-D`), so that the process that
 * was started is the service itself. Where tracing is refused, says so in one line and gives nothing.
 */
export function faultyCalls(options: Fault): readonly string[] | undefined {
  const calls = diskCalls[options.calls];
  // Without --seccomp-bpf, which would save half of what tracing costs: with it strace 6.1 injects no SIGKILL (seen).
  const traced = ["strace", "-D", "-f", "-qq", "-o"];
  const tried = Bun.spawnSync([...traced, "/dev/null", "-e", `trace=${calls}`, "true"]);
  if (!tried.success) {
    console.warn(`skipped: strace was refused: ${tried.stderr.toString().trim()}`);
    return undefined;
  }
  return [...traced, options.logPath, ...injection(options)];
}

/** What the tracer is told. */
function injection({ calls, fault, path, from, to }: Fault): string[] {
  const names = diskCalls[calls];
  const only = path === undefined ? [] : ["-P", path];
  const when = to === undefined ? `${from}+` : `${from}..${to}`;
  return [...only, "-e", `trace=${names}`, "-e", `inject=${names}:${injected(fault)}:when=${when}`];
}

function injected(fault: Fault["fault"]): string {
  if (fault === "error") return "error=EIO";
  if (fault === "kill") return "signal=SIGKILL";
  return "error" in fault ? `error=${fault.error}` : `delay_enter=${fault.delaySeconds * 1_000_000}`;
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
 * Has a running process killed by SIGKILL as one of its threads begins a call, counted from now on. Where tracing is
 * refused, says so in one line and gives nothing.
 */
export const killAtCall = (pid: number, { calls, path, nth }: Step) =>
  faultyFromNow(pid, {
    calls,
    fault: "kill",
    from: nth,
    to: nth,
    logPath: "/dev/null",
    ...(path === undefined ? {} : { path }),
  });

/**
 * Does this to a process that runs, and to its children; calls count from now on. At the end of its scope the calls are
 * well again. Where tracing is refused, says so in one line and gives nothing.
 */
export async function faultyFromNow(pid: number, options: Fault): Promise<AsyncDisposable | undefined> {
  const pids = [pid, ...descendantsOf(pid)];
  const attached = pids.flatMap((each) => ["-p", String(each)]);
  const tracer = Bun.spawn(["strace", "-f", "-qq", "-o", options.logPath, ...attached, ...injection(options)], {
    stderr: "pipe",
  });
  // A process may end before the tracer comes to it, as the shell in which another one starts.
  const tasks = (each: number) => tasksOf(each).map((task) => `${each}/task/${task}/status`);
  const isAttached = () => pids.flatMap(tasks).every((task) => readProc(task).includes(`TracerPid:\t${tracer.pid}\n`));
  await until(() => tracer.exitCode !== null || isAttached(), { what: "the tracer", limitMs: 10_000 });
  if (tracer.exitCode !== null) {
    console.warn(`skipped: strace was refused: ${(await tracer.stderr.text()).trim()}`);
    return undefined;
  }
  return {
    [Symbol.asyncDispose]: async () => {
      // It lets go of the process, should that still run.
      tracer.kill("SIGTERM");
      // A traced process whose parent was killed at the step stays a zombie that the tracer waits for, whatever it is
      // told (seen).
      if ((await within(tracer.exited, tracerMsMax)) === undefined) tracer.kill("SIGKILL");
      await tracer.exited;
    },
  };
}
