/** When to try again. Pure. */

/** First and largest bound of the wait after a failed try. ms */
const waitMsFirst = 500;
const waitMsMax = 60_000;

/** While a process waits for its end, so that a service that is restarted meanwhile is met. ms */
const waitMsMaxAtEnd = 1_000;

/** A `Retry-After` past this is cut: a wrong one must not silence a client for good. ms */
const retryAfterMsMax = 3_600_000;

/** The wait after `tries` failed tries in a row: full jitter below a bound that doubles from 0.5 s to 60 s. ms */
export const backoffMs = (tries: number, random: number, isEnding: boolean): number =>
  random * Math.min(isEnding ? waitMsMaxAtEnd : waitMsMax, (waitMsFirst / 2) * 2 ** tries);

/** The wait that an answer asks for by `Retry-After`, in seconds or as a date; 0 if it asks for none. ms */
export function retryAfterMs(headers: Headers, nowMs: number): number {
  const value = headers.get("retry-after") ?? "";
  const seconds = Number(value);
  // `Number` reads no date, and `Date.parse` reads no header that is empty or wrong: then there is nothing to wait for.
  const waitMs = seconds >= 0 ? seconds * 1_000 : Date.parse(value) - nowMs;
  return Math.min(Math.max(waitMs || 0, 0), retryAfterMsMax);
}
