/** Limits the time of a statement. */
import type { DuckDB } from "../store/sql/duckdb.ts";

/** DuckDB loses an interrupt that comes between two steps of a statement, so it is repeated. ms */
const interruptEveryMs = 20;

/**
 * DuckDB checks for an interrupt between chunks of rows; a statement that has not checked for this long never will. ms
 */
const graceMs = 5_000;

/** Interrupts DuckDB when the time is over. If the statement does not end even then, the process exits with code 1. */
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
