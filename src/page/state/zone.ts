/** Times of a time zone, from the browser's own table of zones. Pure. */

const formats = new Map<string, Intl.DateTimeFormat>();

/** The clock of a zone: numbers from year to second. */
function clockFormat(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  formats.set(zone, format);
  return format;
}

/** How far the clock of a zone is ahead of UTC at an instant, in ms. */
export function offsetMs(zone: string, atMs: number): number {
  const parts = new Map(
    clockFormat(zone)
      .formatToParts(atMs)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const part = (name: Intl.DateTimeFormatPartTypes) => parts.get(name) ?? 0;
  const clock = Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second"));
  return clock - Math.floor(atMs / 1000) * 1000;
}

/** The instant at which the day of a zone begins that is `days` days after the day of `atMs`. */
export function dayStart(zone: string, atMs: number, days = 0): number {
  const clock = new Date(atMs + offsetMs(zone, atMs));
  const midnight = Date.UTC(clock.getUTCFullYear(), clock.getUTCMonth(), clock.getUTCDate() + days);
  // The offset at midnight may differ from that of the guess: the second step uses the one that holds there.
  const guess = midnight - offsetMs(zone, midnight);
  const start = midnight - offsetMs(zone, guess);
  // Where clocks skip midnight, the day begins with the hour after it.
  return start + offsetMs(zone, start) < midnight ? guess : start;
}
