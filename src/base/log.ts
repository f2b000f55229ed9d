/** The service's log: JSON lines on a pipe, readable text on a terminal, always on standard error. */
import pino from "pino";
import type { PinoPretty } from "pino-pretty";

/** Least severity that is written; `silent` writes nothing. */
export const logLevels = ["silent", "error", "warn", "info", "debug"] as const;

/** One of `logLevels`. */
export type LogLevel = (typeof logLevels)[number];

/** Writes one line for each call: an object of fields, then what happened. */
export type Log = pino.Logger;

/**
 * Opens a log for one thread; each of its lines has `part`.
 * pino: the usual structured logger of the platform, and its synchronous destination loses no line at exit. It is
 * loaded at the start of a thread, though that takes 20 ms: at the first line no descriptor may be left to load it.
 */
export function openLog(level: LogLevel, part: string): Log {
  const options = { level, base: { part }, timestamp: pino.stdTimeFunctions.isoTime };
  const standardError = 2;
  const destination = pino.destination({ dest: standardError, sync: true });
  // If the terminal was closed or the log's disk is full, nothing can be reported, and a stop must still seal what was
  // accepted.
  destination.on("error", () => undefined);
  if (!process.stderr.isTTY) return pino(options, destination);
  // Loaded only for a terminal: it would add 10 ms to each thread's start.
  const pretty: typeof PinoPretty = require("pino-pretty");
  return pino(options, pretty({ destination, ignore: "part", messageFormat: "{part}: {msg}" }));
}
