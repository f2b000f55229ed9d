/** A log whose lines a test reads. */
import { type Log, logTo } from "../../src/base/log.ts";

/** A line: its level by name, what it says, and its fields. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly level: string; readonly msg: string };

const levels: Readonly<Record<number, string>> = { 30: "info", 40: "warn", 50: "error" };

/** The service's log in memory, from `info` on. */
export function recordedLog(): { readonly log: Log; readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = [];
  const write = (line: string) => {
    const { time: _, part: __, level, ...rest } = JSON.parse(line);
    lines.push({ ...rest, level: levels[level] });
  };
  return { log: logTo(write, "info", "test"), lines };
}
