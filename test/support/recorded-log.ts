/** A log whose lines a test reads. */
import pino from "pino";

/** A line: its level by name, what it says, and its fields. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly level: string; readonly msg: string };

/** The service's log in memory, from `info` on. */
export function recordedLog(): { readonly log: pino.Logger; readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = [];
  const log = pino(
    { level: "info", base: {}, timestamp: false, formatters: { level: (level) => ({ level }) } },
    { write: (line: string) => void lines.push(JSON.parse(line)) },
  );
  return { log, lines };
}
