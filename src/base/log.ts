/** The service's log: JSON lines on a pipe, readable text on a terminal, always on standard error. */
import type pino from "pino";
import type { PinoPretty } from "pino-pretty";

/** Least severity that is written; `silent` writes nothing. */
export const logLevels = ["silent", "error", "warn", "info", "debug"] as const;

/** One of `logLevels`. */
export type LogLevel = (typeof logLevels)[number];

/** Writes a line: an object of fields, then what happened; or only what happened. */
type Write = {
  (fields: object, message: string): void;
  (message: string): void;
};

/** Writes one line for each call. */
export type Log = Readonly<Record<Exclude<LogLevel, "silent">, Write>>;

/**
 * Opens a log for one thread; each of its lines has `part`. pino is loaded for the first line: it takes 20 ms of
 * processor time, and most threads and commands never write one.
 */
export function openLog(level: LogLevel, part: string): Log {
  let opened: Log | undefined;
  const writerOf = (name: keyof Log): Write => {
    if (logLevels.indexOf(name) > logLevels.indexOf(level)) return () => undefined;
    return (first: object | string, message?: string) => {
      opened ??= openPino(level, part);
      if (typeof first === "string") opened[name](first);
      else opened[name](first, message ?? "");
    };
  };
  return { error: writerOf("error"), warn: writerOf("warn"), info: writerOf("info"), debug: writerOf("debug") };
}

/** pino: the usual structured logger of the platform, and its synchronous destination loses no line at exit. */
function openPino(level: LogLevel, part: string): Log {
  const load: typeof pino = require("pino");
  const options = { level, base: { part }, timestamp: load.stdTimeFunctions.isoTime };
  const standardError = 2;
  const destination = load.destination({ dest: standardError, sync: true });
  // If the terminal was closed or the log's disk is full, nothing can be reported, and a stop must still seal what was
  // accepted.
  destination.on("error", () => undefined);
  if (!process.stderr.isTTY) return load(options, destination);
  // Loaded only for a terminal: it would add 10 ms to each thread's start.
  const pretty: typeof PinoPretty = require("pino-pretty");
  return load(options, pretty({ destination, ignore: "part", messageFormat: "{part}: {msg}" }));
}
