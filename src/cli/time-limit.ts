/** A statement's time. */
import type { DuckDB } from "../store/sql/duckdb.ts";

/** An interrupt that comes between two steps of a statement is lost; so it comes again. ms */
const interruptEveryMs = 20;

/** DuckDB looks for an interrupt between chunks of rows; what does not look so long never will. ms */
const graceMs = 5_000;

/**
 * Ends what DuckDB runs when the time is over; a process whose statement does not end even then ends itself, with exit
 * code 1.
 */
export function timeLimit(duckdb: DuckDB, seconds: number): { readonly isOver: boolean; message: string } & Disposable {
  const message = `the statement took longer than ${seconds} s and was ended; --timeout SECONDS allows more`;
  const timers: NodeJS.Timeout[] = [];
  const clear = () => {
    for (const timer of timers) clearTimeout(timer);
  };
  const state = { isOver: false, message, [Symbol.dispose]: clear };
  const end = () => {
    state.isOver = true;
    timers.push(setInterval(() => duckdb.interrupt(), interruptEveryMs));
    timers.push(
      setTimeout(() => {
        process.stderr.write(`millrace: ${message}\n`);
        process.exit(1);
      }, graceMs),
    );
  };
  if (seconds > 0) timers.push(setTimeout(end, seconds * 1_000));
  return state;
}
