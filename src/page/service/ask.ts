/** SQL to the service: one question of this page at a time, so that the page never takes more than one place. */

import { jsonOrUndefined } from "../json.ts";
import { Cell } from "../state/cell.ts";
import { isRecord, request, ServiceGone, ServiceRefused } from "./request.ts";
import { pause } from "./wait.ts";

/** A column of an answer, with DuckDB's type. */
export type Column = { name: string; type: string };

/** A cell of an answer. Numbers that a double cannot hold are strings with all of their digits. */
export type Value = unknown;

/** Rows, and when they were right. */
export type Answer = {
  columns: readonly Column[];
  rows: readonly (readonly Value[])[];
  /** When the question was sent: everything acknowledged before that is in the answer. ms since 1970 */
  asOfMs: number;
  tookMs: number;
};

/** The longest wait between two tries of a service that has no room. ms */
const retryMsMax = 15_000;

let last: Promise<unknown> = Promise.resolve();

/** Why the question that is on its way waits for a second try, in the service's words; undefined while it does not. */
export const holdUp: Cell<string | undefined> = new Cell<string | undefined>(undefined);

/**
 * Asks, after the page's other questions.
 * @throws ServiceGone, ServiceRefused, DOMException AbortError
 */
export const ask = (sql: string, signal: AbortSignal): Promise<Answer> =>
  inTurn(signal, async () => {
    const asOfMs = Date.now();
    const startedMs = performance.now();
    const answer = await request("api/v1/analytics/query", { body: { sql, format: "json" }, signal });
    const { columns, rows } = answerOf(await bodyOf(answer));
    return { columns, rows, asOfMs, tookMs: performance.now() - startedMs };
  });

/**
 * Does some work that asks the service, once the page's other questions are answered or given up. While the service has
 * no room it waits, and does the work again.
 */
export function inTurn<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const before = last;
  const result = (async () => {
    await before;
    for (let tries = 0; ; tries++) {
      signal.throwIfAborted();
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof ServiceRefused) || error.retryAfterMs === undefined) throw error;
        holdUp.value = error.message;
        await pause(Math.min(retryMsMax, error.retryAfterMs * 2 ** tries), signal);
      }
    }
  })();
  // The next in line does not care how this one ended; whoever asked does.
  const ended = () => {
    holdUp.value = undefined;
  };
  last = result.then(ended, ended);
  return result;
}

/** An answer that passes a limit after its first rows breaks off, which `fetch` reports like a lost connection. */
async function bodyOf(answer: Response): Promise<string> {
  try {
    return await answer.text();
  } catch (error) {
    if (error instanceof TypeError)
      throw new ServiceRefused(answer.status, "The answer broke off: it met a limit, or the service ended", {});
    throw error;
  }
}

function answerOf(text: string): { columns: Column[]; rows: Value[][] } {
  const body = jsonOrUndefined(text, digitsKept(text));
  if (!isRecord(body) || !Array.isArray(body["columns"]) || !Array.isArray(body["rows"]))
    throw new ServiceGone("What answered is not this service");
  return { columns: body["columns"], rows: body["rows"] };
}

/** Sixteen digits and more may be past 2^53. Only then are numbers looked at one by one, where the browser can. */
function digitsKept(text: string) {
  if (!/\d{16}/.test(text)) return undefined;
  return (_key: string, value: unknown, context?: { source?: string }) =>
    typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value)
      ? (context?.source ?? value)
      : value;
}
