/** Disks that are full, disks that are read-only, and disks that fail to sync. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

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

/**
 * A command in front of the service under which, in each of its threads, `calls` fail with EIO from the `from`-th on.
 * `logPath` gets one line for each of them. The tracer is a grandchild (`-D`), so that the process started is the service.
 * Where tracing is refused, says so in one line and gives nothing.
 */
export function failingSyncs(options: {
  readonly calls: readonly ("fsync" | "fdatasync")[];
  readonly from: number;
  readonly logPath: string;
}): readonly string[] | undefined {
  const calls = options.calls.join(",");
  const tried = Bun.spawnSync(["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", `trace=${calls}`, "true"]);
  if (!tried.success) {
    console.warn(`skipped: strace was refused: ${tried.stderr.toString().trim()}`);
    return undefined;
  }
  const injection = `inject=${calls}:error=EIO:when=${options.from}+`;
  return ["strace", "-D", "-f", "-qq", "-o", options.logPath, "-e", `trace=${calls}`, "-e", injection];
}
