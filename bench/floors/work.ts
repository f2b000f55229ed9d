/** Runs a floor that is not a server: a process that works for some seconds and prints how much it did. */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** What such a floor did. */
export type Work = { bodiesPerSecond: number };

/** What it needs. */
export type WorkOptions = {
  /** Bodies of batches, one a line. */
  bodiesPath: string;
  /** A folder of this run's own; the floor writes to one within it that goes with it. */
  folder: string;
  seconds: number;
  signal: AbortSignal;
};

const appendPath = fileURLToPath(new URL("./append-fdatasync.ts", import.meta.url));
const readPath = fileURLToPath(new URL("./read-json.ts", import.meta.url));

/** What a floor takes beyond its seconds: to make its bodies ready, and to end a last turn on a slow disk. Seconds. */
const extraSeconds = 60;

/** Appends bodies to files, with one write and one fdatasync for each `groupBodies` of them. */
export function appendFdatasync(options: WorkOptions, { groupBodies }: { groupBodies: number }): Promise<Work> {
  return work(options, (folder) => [appendPath, options.bodiesPath, folder, `${groupBodies}`, `${options.seconds}`]);
}

/** Reads the bodies' events from JSON into tables in files. */
export function readJson(options: WorkOptions): Promise<Work> {
  return work(options, (folder) => [readPath, options.bodiesPath, folder, `${options.seconds}`]);
}

async function work(options: WorkOptions, commandIn: (folder: string) => string[]): Promise<Work> {
  options.signal.throwIfAborted();
  const folder = await mkdtemp(join(options.folder, "floor-"));
  try {
    const floor = Bun.spawn([process.execPath, "--no-orphans", ...commandIn(folder)], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: (options.seconds + extraSeconds) * 1_000,
      signal: options.signal,
    });
    const [printed, complaint] = await Promise.all([floor.stdout.text(), floor.stderr.text(), floor.exited]);
    options.signal.throwIfAborted();
    if (floor.exitCode !== 0) throw new Error(`a floor ended with ${floor.exitCode}: ${complaint}${printed}`);
    return parseWork(printed);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Reads what a floor printed.
 * @throws Error it is not `{"bodies":N,"microseconds":N}`
 */
export function parseWork(printed: string): Work {
  const [, bodies, microseconds] = /^\{"bodies":([\d.]+),"microseconds":(\d+)\}\s*$/.exec(printed) ?? [];
  if (bodies === undefined || !(Number(microseconds) > 0)) throw new Error(`a floor printed no result: ${printed}`);
  return { bodiesPerSecond: Number(bodies) / (Number(microseconds) / 1e6) };
}
