/** Corrects times by the sender's clock. */
import { parseTimestamp, timestampOfMs } from "../event/timestamp.ts";
import { isNumber, type Json, jsonOf, stringOf } from "./json-text.ts";

/**
 * A smaller difference is the way of the request: some SDKs send the first attempt's time again with each retry. ms
 */
const skewMsMin = 120_000;

/**
 * An event's time as JSON, moved by the difference between when the sender says that it sent the request and when it
 * arrived, if that is more than two minutes. A time that cannot be read stays as it is, to be refused later.
 */
export function correctedTime(
  timestamp: Json | undefined,
  { sentAt, receivedAtMs }: { sentAt: Json | undefined; receivedAtMs: number },
): Json | undefined {
  const sent = textOf(sentAt);
  const happened = textOf(timestamp);
  if (sent === undefined || happened === undefined) return timestamp;
  const skewMs = receivedAtMs - Date.parse(sent);
  if (Math.abs(skewMs) <= skewMsMin) return timestamp;
  const ms = Date.parse(`${happened.slice(0, 23)}Z`) + skewMs;
  if (!isWithinYears(ms)) return timestamp;
  const micros = happened.slice(23, 26);
  return jsonOf(`${timestampOfMs(ms).text.slice(0, 23)}${micros}Z`);
}

/** A time `ms` before another. */
export const timeBefore = (receivedAtMs: number, ms: number): Json | undefined =>
  isWithinYears(receivedAtMs - ms) ? jsonOf(timestampOfMs(receivedAtMs - ms).text) : undefined;

const [year1Ms, year10000Ms] = [Date.parse("0001-01-01T00:00:00Z"), Date.parse("+010000-01-01T00:00:00Z")];

const isWithinYears = (ms: number) => ms >= year1Ms && ms < year10000Ms;

/** The time to the microsecond, `YYYY-MM-DDTHH:MM:SS.ffffffZ`; undefined for what is not a time. */
function textOf(time: Json | undefined): string | undefined {
  const value = isNumber(time) ? Number(time) : stringOf(time);
  if (value === undefined) return undefined;
  const parsed = parseTimestamp(value);
  return parsed.ok ? parsed.timestamp.text : undefined;
}
