/** Numbers, sizes, times and durations as a person reads them. Pure but for the zone's own table. */

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const small = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 4 });
const shares = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });

/** Whether a type of DuckDB is a number. */
export const isNumeric = (type: string): boolean =>
  /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|BIGNUM|DOUBLE|FLOAT|DECIMAL\(\d+,\s*\d+\))$/.test(type);

/** A string as a person finds it: one without a visible character stands in quotes, and is escaped. */
export const visible = (value: string): string =>
  /[^\p{White_Space}\p{Default_Ignorable_Code_Point}\p{C}]/u.test(value) ? value : JSON.stringify(value);

/** A count, all digits. */
export const count = (value: number): string => whole.format(value);

/** A number where there is little room, as on an axis: 0.5, 1,200, 12.3K. */
export const shortCount = (value: number): string =>
  !Number.isInteger(value) && Math.abs(value) < 100
    ? small.format(value)
    : Math.abs(value) < 10_000
      ? whole.format(value)
      : compact.format(value);

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
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 59.95) return `${small.format(seconds)} s`;
  // Rounded in the smaller unit first: 299.6 s are 5 min 0 s, and not 4 min 60 s.
  const inUnit = (unitSeconds: number) => Math.round(seconds / unitSeconds);
  const [rounded, minutes, hours] = [inUnit(1), inUnit(60), inUnit(3600)] as const;
  if (rounded < 3600) return `${Math.floor(rounded / 60)} min ${rounded % 60} s`;
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
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
