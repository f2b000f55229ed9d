/** What a run was made on: without it the figures mean nothing. */
import { cpus, release, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { version as duckdbVersion } from "@duckdb/node-api";
import type { RunRecord } from "../core/result.ts";

/** Describes this machine and the disk under a folder, given the content of /proc/mounts. */
export function describeMachine(mounts: string, folder: string): RunRecord["machine"] {
  return {
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryGB: Math.round(totalmem() / 1e9),
    kernel: release(),
    fileSystem: fileSystemOf(mounts, folder),
  };
}

/** The type of the file system that holds `folder`, out of /proc/mounts. */
export function fileSystemOf(mounts: string, folder: string): string {
  let [deepest, type] = ["", "unknown"];
  for (const line of mounts.split("\n")) {
    const [, point, mounted] = line.split(" ");
    if (point === undefined || mounted === undefined) continue;
    const holds = point === "/" || folder === point || folder.startsWith(`${point}/`);
    // A later line of the same depth is mounted over the earlier one.
    if (holds && point.length >= deepest.length) [deepest, type] = [point, mounted];
  }
  return type;
}

/** What answers, what stores and what loads, as installed; `none` for a load generator that is not there. */
export async function readVersions(): Promise<Record<string, string>> {
  return {
    Bun: Bun.version,
    DuckDB: duckdbVersion().replace(/^v/, ""),
    Elysia: await packageVersion("elysia"),
    piscina: await packageVersion("piscina"),
    wrk: await wrkVersion(),
  };
}

/** The commit that was measured, with `+changes` where files differ from it; `unknown` outside a repository. */
export async function readCommit(): Promise<string> {
  const commit = await git("rev-parse", "--short=12", "HEAD");
  if (commit === undefined) return "unknown";
  return (await git("status", "--porcelain")) === "" ? commit : `${commit}+changes`;
}

async function git(...given: string[]): Promise<string | undefined> {
  if (Bun.which("git") === null) return undefined;
  const cwd = fileURLToPath(new URL(".", import.meta.url));
  const run = Bun.spawn(["git", ...given], { cwd, stdin: "ignore", stdout: "pipe", stderr: "ignore" });
  const [printed] = await Promise.all([run.stdout.text(), run.exited]);
  return run.exitCode === 0 ? printed.trim() : undefined;
}

async function packageVersion(name: string): Promise<string> {
  const { version } = await Bun.file(fileURLToPath(import.meta.resolve(`${name}/package.json`))).json();
  return String(version);
}

async function wrkVersion(): Promise<string> {
  const path = Bun.which("wrk");
  if (path === null) return "none";
  // Its exit code is 1 although it answers.
  const run = Bun.spawn([path, "--version"], { stdin: "ignore", stdout: "pipe", stderr: "ignore" });
  const [printed] = await Promise.all([run.stdout.text(), run.exited]);
  return /^wrk (\S+)/m.exec(printed)?.[1] ?? "unknown";
}
