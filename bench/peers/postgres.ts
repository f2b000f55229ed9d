/** A PostgreSQL of the suite's own: a new cluster in a folder, reached by a socket in it, and ended with the scope. */
import { chmod } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ServerProcess } from "../system/process.ts";
import type { Program } from "./packages.ts";
import { boundToUs } from "./peer.ts";

/** Where Debian puts every version that is installed. */
const binariesPattern = "/usr/lib/postgresql/*/bin/postgres";

/** What Debian has to bring. */
export const postgresProgram: Program = {
  probe: ["sh", "-c", `$(ls ${binariesPattern} | sort -V | tail -n 1) --version`],
  packages: ["postgresql"],
  units: ["postgresql"],
};

/** Debian's user for it; PostgreSQL refuses to be root's. */
const postgresUser = "postgres";

/** The administrator of the new cluster, who needs no password on its socket. */
export const databaseUser = "bench";

/** Making a cluster takes 1 s, and a few on a busy machine. ms */
const initMsMax = 60_000;

/** A running cluster: where its socket is, and who stops it. */
export type Postgres = { socketFolder: string } & AsyncDisposable;

/**
 * Makes a cluster and starts it, with the settings that it comes with: fsync and synchronous_commit are on.
 * @throws Error it cannot be made or does not start
 */
export async function startPostgres({ folder, signal }: { folder: string; signal: AbortSignal }): Promise<Postgres> {
  const bin = dirname(await newest(binariesPattern));
  const user = process.getuid?.() === 0 ? postgresUser : undefined;
  const home = join(folder, "postgres");
  if (user === undefined) await finish(["mkdir", "-m", "0700", home]);
  else {
    // It may pass through the folders of this run, and lives in one of its own.
    await chmod(folder, 0o711);
    await finish(["install", "--directory", "--mode=0700", `--owner=${user}`, `--group=${user}`, home]);
  }
  const data = join(home, "data");
  const make = ["--pgdata", data, "--username", databaseUser, "--auth", "trust", "--encoding", "UTF8", "--no-sync"];
  await finish(boundToUs([join(bin, "initdb"), ...make, "--locale", "C.UTF-8"], user));
  const settings = ["listen_addresses=", `unix_socket_directories=${home}`, "fsync=on", "synchronous_commit=on"];
  const server = await ServerProcess.start({
    command: boundToUs([join(bin, "postgres"), "-D", data, ...settings.flatMap((setting) => ["-c", setting])], user),
    env: process.env,
    logPath: join(folder, "postgres.log"),
    signal,
    listening: /(ready to accept connections)/,
  });
  return {
    socketFolder: home,
    [Symbol.asyncDispose]: async () => {
      // It waits for its clients, which have ended; killed, it would leave shared memory to the system.
      await using _killed = server;
      await server.stop();
    },
  };
}

async function newest(pattern: string): Promise<string> {
  const found = await Array.fromAsync(
    new Bun.Glob(pattern.slice(1)).scan({ cwd: "/", absolute: true, onlyFiles: false }),
  );
  const path = found.toSorted((a, b) => a.localeCompare(b, "en", { numeric: true })).at(-1);
  if (path === undefined) throw new Error(`there is no ${pattern}`);
  return path;
}

async function finish(command: readonly string[]): Promise<void> {
  const child = Bun.spawn([...command], {
    cwd: "/",
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    timeout: initMsMax,
  });
  const [complaint] = await Promise.all([child.stderr.text(), child.exited]);
  if (child.exitCode !== 0) throw new Error(`${command.join(" ")} ended with ${child.exitCode}: ${complaint.trim()}`);
}
