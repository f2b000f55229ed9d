/** Numbers, sizes, times and durations as a person reads them. Pure but for the zone's own table. */

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const small = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 4 });
const shares = new Intl.NumberFormat("en", { style: "percent", maximumSignificantDigits: 3 });

/** Whether a type of DuckDB is a number. */
export const isNumeric = (type: string): boolean =>
  /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|BIGNUM|DOUBLE|FLOAT|DECIMAL\(\d+,\s*\d+\))$/.test(type);

/** A count, all digits. */
export const count = (value: number): string => whole.format(value);

/** A count where there is little room: 12.3K. */
export const shortCount = (value: number): string =>
  Math.abs(value) < 10_000 ? whole.format(value) : compact.format(value);

/** A number that need not be whole, such as a rate. */
export const figure = (value: number): string => (Math.abs(value) >= 100 ? whole.format(value) : small.format(value));

/** Events a second: one digit behind the point where there are few. */
export const rate = (value: number): string => (value >= 10 || value === 0 ? whole.format(value) : value.toFixed(1));

/** 0.123 as 12.3 %. */
export const share = (value: number): string => shares.format(value);

const byteUnits = ["B", "KiB", "MiB", "GiB", "TiB"];

/** Bytes in binary units. */
export function bytes(value: number): string {
  const step = Math.min(byteUnits.length - 1, Math.floor(Math.log2(Math.max(1, value)) / 10));
  return `${small.format(value / 1024 ** step)} ${byteUnits[step]}`;
}

/** Seconds in the one or two units that matter. */
export function duration(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${small.format(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.round((seconds % 86_400) / 3600)} h`;
}

const clocks = new Map<string, Intl.DateTimeFormat>();

/** Which parts of a time are shown. */
export type TimeForm = "second" | "minute" | "day" | "full";

const forms = {
  second: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
  minute: { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" },
  day: { weekday: "short", month: "short", day: "numeric" },
  full: { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" },
} as const satisfies Record<TimeForm, Intl.DateTimeFormatOptions>;

/** An instant in a time zone. */
export function time(atMs: number, zone: string, form: TimeForm): string {
  const key = `${zone} ${form}`;
  const known = clocks.get(key);
  const clock = known ?? new Intl.DateTimeFormat("en-GB", { ...forms[form], timeZone: zone, hourCycle: "h23" });
  if (known === undefined) clocks.set(key, clock);
  return clock.format(atMs);
}
