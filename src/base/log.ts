/** What the service says of itself: JSON lines on a pipe, readable text on a terminal, always on standard error. */
import pino from "pino";
import type { PinoPretty } from "pino-pretty";

/** Least severity that is written; `silent` writes nothing. */
export const logLevels = ["silent", "error", "warn", "info", "debug"] as const;

/** One of `logLevels`. */
export type LogLevel = (typeof logLevels)[number];

/** Writes one line for each call: an object of fields, then what happened. */
export type Log = pino.Logger;

/**
 * A log for one thread; `part` stands in each of its lines.
 * pino: the usual structured logger of the platform, and its synchronous destination loses no line at exit.
 */
export function openLog(level: LogLevel, part: string): Log {
  const options = { level, base: { part }, timestamp: pino.stdTimeFunctions.isoTime };
  const standardError = 2;
  const destination = pino.destination({ dest: standardError, sync: true });
  // A terminal that was closed, a full disk under a log file: there is nobody to tell, and a stop must still seal what
  // was accepted.
  destination.on("error", () => undefined);
  if (!process.stderr.isTTY) return pino(options, destination);
  // Loaded for a terminal alone: each thread would take 10 ms longer to start.
  const pretty: typeof PinoPretty = require("pino-pretty");
  return pino(options, pretty({ destination, ignore: "part", messageFormat: "{part}: {msg}" }));
}
