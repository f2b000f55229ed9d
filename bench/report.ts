/** Puts results into words: a table to read, beside it the targets, and JSON to keep. */
import { cpus, release, totalmem } from "node:os";
import type { SqlResults } from "./sql/run.ts";

/** Where the figures come from; without it they mean nothing. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGB: number;
  readonly kernel: string;
  readonly bun: string;
  /** File system of the data folder: a journal on `tmpfs` has nothing to sync. */
  readonly fileSystem: string;
}

/** Describes this machine and the disk under a folder. */
export function describeMachine(mounts: string, folder: string): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryGB: Math.round(totalmem() / 1e9),
    kernel: release(),
    bun: Bun.version,
    fileSystem: fileSystemOf(mounts, folder),
  };
}

/** The type of the file system that holds `folder`, out of the text of /proc/mounts. */
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

/** The catalog's figures, as text of many lines. */
export function sqlReportText(results: SqlResults, machine: Machine): string {
  const { asked, events, segments, bytesPerEvent, plainBytesPerEvent, statsMs, readyMs } = results;
  const rows = asked.map(({ name, plainMs, catalogMs, share, shareMax }) => ({
    question: name,
    "plain table ms": plainMs.toFixed(1),
    "catalog ms": catalogMs.toFixed(1),
    share: share.toFixed(2),
    target: against(share <= shareMax, `<= ${shareMax}`),
  }));
  return [
    machineText(machine),
    "",
    `${count(events)} events in ${segments} segments, ${bytesPerEvent.toFixed(1)} bytes an event; in the plain table ${plainBytesPerEvent.toFixed(1)}`,
    "",
    table(rows),
    "",
    `p99 of GET /stats: ${statsMs.full.toFixed(2)} ms with all events, ${statsMs.empty.toFixed(2)} ms with none. Ready after ${count(readyMs)} ms.`,
    "",
    "Both sides gave the same answer to every question.",
  ].join("\n");
}

function machineText({ processor, cores, memoryGB, kernel, bun, fileSystem }: Machine): string {
  return `${cores} x ${processor}, ${memoryGB} GB, Linux ${kernel}, ${fileSystem}, Bun ${bun}`;
}

function against(reached: boolean, target: string): string {
  return `${target} ${reached ? "reached" : "MISSED"}`;
}

function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** Markdown with padded cells: reads on a terminal as it does in a README. */
function table(rows: readonly Record<string, string>[]): string {
  const names = Object.keys(rows[0] ?? {});
  const widths = names.map((name) => Math.max(name.length, ...rows.map((row) => row[name]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  return [line(names), rule, ...rows.map((row) => line(names.map((name) => row[name] ?? "")))].join("\n");
}
