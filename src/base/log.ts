/** The service's log: JSON lines on standard error, readable text on a terminal. */
import { writeSync } from "node:fs";
import { isatty } from "node:tty";
import type { PinoPretty } from "pino-pretty";
import { codeOf } from "./errors.ts";

/** Least severity that is written; `silent` writes nothing. */
export const logLevels = ["silent", "error", "warn", "info", "debug"] as const;

/** One of `logLevels`. */
export type LogLevel = (typeof logLevels)[number];

/** Numbers of the levels in a line, as pino has them: what reads pino's lines reads these. */
const levelNumbers = { error: 50, warn: 40, info: 30, debug: 20 } as const;

/** Writes a line: an object of fields, and what happened; or only what happened. */
type Write = {
  (fields: object, message: string): void;
  (message: string): void;
};

/** Writes one line for each call. */
export type Log = Readonly<Record<keyof typeof levelNumbers, Write>>;

const standardError = 2;

/** Pause before a pipe that is full is tried again. ms */
const fullPipeMs = 10;

/**
 * Opens a log for one thread; each of its lines has `part`. A line is written before the call returns, so none is lost
 * at an exit.
 *
 * Not by pino: each thread, each process and each command would load its 28 files at its start, which takes 20 ms of
 * processor time.
 */
export function openLog(level: LogLevel, part: string): Log {
  return logTo(isatty(standardError) ? prettyWriter() : writeToStandardError, level, part);
}

/** A log whose lines, each with its newline, go to `write`. */
export function logTo(write: (line: string) => void, level: LogLevel, part: string): Log {
  const writerOf = (name: keyof typeof levelNumbers): Write => {
    if (logLevels.indexOf(name) > logLevels.indexOf(level)) return () => undefined;
    return (first: object | string, message?: string) => {
      const [fields, msg] = typeof first === "string" ? [{}, first] : [first, message];
      const head = { level: levelNumbers[name], time: new Date().toISOString(), part };
      write(`${JSON.stringify({ ...head, ...fields, msg })}\n`);
    };
  };
  return { error: writerOf("error"), warn: writerOf("warn"), info: writerOf("info"), debug: writerOf("debug") };
}

/**
 * If the terminal was closed or the log's disk is full, nothing can be reported, and a stop must still seal what was
 * accepted.
 */
function writeToStandardError(line: string): void {
  const bytes = Buffer.from(line);
  let written = 0;
  while (written < bytes.byteLength)
    try {
      written += writeSync(standardError, bytes, written);
    } catch (error) {
      if (codeOf(error) !== "EAGAIN") return;
      Bun.sleepSync(fullPipeMs);
    }
}

function prettyWriter(): (line: string) => void {
  // Loaded only for a terminal: it would add 10 ms to each thread's start.
  const pretty: typeof PinoPretty = require("pino-pretty");
  const shown = pretty.prettyFactory({ ignore: "part", messageFormat: "{part}: {msg}" });
  return (line) => writeToStandardError(shown(line));
}
