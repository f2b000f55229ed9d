/** The macro `timeline` against a plain computation, over days of 23 and 25 hours and hours that occur twice. */
import { afterAll, describe, expect, test } from "bun:test";
import type { DuckDB } from "../../src/store/sql/duckdb.ts";
import { placed, sessionsOf } from "../support/plain-questions.ts";
import { draws, fc } from "../support/property.ts";
import { catalogOfTold, type ToldEvent, tellEvents } from "../support/told.ts";

let opened: DuckDB | undefined;
const catalog = async () => (opened ??= await catalogOfTold());
afterAll(() => opened?.[Symbol.dispose]());

const minute = 60_000;
const quarter = 15 * minute;
const hour = 60 * minute;

/** Zones, each with the instant of one of its changes of the clock, if there is one. */
const changes = [
  ["UTC", "2024-02-29T23:00Z"],
  ["America/New_York", "2024-03-10T07:00Z"],
  ["America/New_York", "2024-11-03T06:00Z"],
  ["Europe/Berlin", "2024-03-31T01:00Z"],
  ["Europe/Berlin", "2024-10-27T01:00Z"],
  ["America/Havana", "2024-03-10T05:00Z"],
  ["America/Havana", "2024-11-03T05:00Z"],
  ["Asia/Kolkata", "1969-12-31T20:00Z"],
  ["Antarctica/Troll", "2024-03-31T01:00Z"],
  ["Antarctica/Troll", "2024-10-27T01:00Z"],
  ["Asia/Beirut", "2024-03-30T22:00Z"],
  ["Asia/Beirut", "2024-10-26T21:00Z"],
  ["Australia/Lord_Howe", "2024-04-06T15:00Z"],
  ["Australia/Lord_Howe", "2024-10-05T15:30Z"],
  ["Africa/Casablanca", "2024-03-10T02:00Z"],
  ["Africa/Casablanca", "2024-04-14T02:00Z"],
  ["Pacific/Apia", "2011-12-30T10:00Z"],
] as const;

const widths = [
  ["INTERVAL 15 MINUTE", quarter],
  ["INTERVAL 1 HOUR", hour],
  ["INTERVAL 2 HOUR", 2 * hour],
  ["INTERVAL 6 HOUR", 6 * hour],
  ["INTERVAL 1 DAY", 24 * hour],
  ["'1 week'", 7 * 24 * hour],
  ["INTERVAL 1 MONTH", "month"],
] as const;

type Width = (typeof widths)[number][1];

const id = fc.constantFrom(null, null, "a", "b");

const event = fc.record({
  at: fc
    .tuple(fc.integer({ min: -120, max: 120 }), fc.constantFrom(0, 0, 1))
    .map(([tens, more]) => tens * 10 * minute + more),
  session_id: id,
  user_id: id,
  anonymous_id: fc.constantFrom(null, "d"),
});

describe("timeline", () => {
  test("agrees with a plain computation: no gaps, and each count, where the clock is changed, too", async () => {
    const duckdb = await catalog();
    const bound = fc.option(fc.integer({ min: -100, max: 100 }), { nil: undefined });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...changes),
        fc.constantFrom(...widths),
        fc.array(event, { maxLength: 12 }),
        bound,
        bound,
        async ([zone, change], [width, widthMs], events, since, until) => {
          const at = (tens: number) => Date.parse(change) + tens * 10 * minute;
          const told = events.map((each) => ({ ...each, at: each.at + Date.parse(change) }));
          const range = {
            since: since === undefined ? undefined : at(since),
            until: until === undefined ? undefined : at(until),
          };
          await tellEvents(duckdb, told);
          const rows = await duckdb.rows(`
            SELECT epoch_ms(bucket)::DOUBLE AS bucket, events::INT AS events, sessions::INT AS sessions, people::INT AS people
            FROM timeline(${width}, tz := '${zone}', since := ${instant(range.since)}, until := ${instant(range.until)})`);
          expect(rows.map((row) => Object.values(row))).toEqual(
            plainTimeline(told, { widthMs, zone: new Zone(zone), ...range }),
          );
        },
      ),
      {
        ...draws(120),
        examples: [[["Australia/Lord_Howe", "2024-10-05T15:30Z"], ["INTERVAL 1 HOUR", hour], [], 0, 1]],
      },
    );
  });

  test("an event of year 1 and one of 9999 are refused as a million buckets, and counted by years", async () => {
    const duckdb = await catalog();
    await tellEvents(duckdb, [{ at: Date.parse("0001-01-01T00:00Z") }, { at: Date.parse("9999-12-31T23:59Z") }]);
    await expect(duckdb.rows("FROM timeline(INTERVAL 1 DAY)")).rejects.toThrow(
      "timeline: from 0001-01-01 00:00:00 to 9999-12-31 23:59:00 there are more than 100000 buckets of 1 day; give since and until, or a wider width",
    );
    const [row] = await duckdb.rows("SELECT count(*)::INT AS n, sum(events)::INT AS events FROM timeline('1 year')");
    expect(row).toEqual({ n: 9999, events: 2 });
  });

  test("what is no width and no zone is refused by its name, also where there are no events", async () => {
    const duckdb = await catalog();
    for (const events of [[], [{ at: 0 }]]) {
      await tellEvents(duckdb, events);
      for (const width of ["NULL", "INTERVAL 0 HOUR", "INTERVAL '-1' DAY"])
        await expect(duckdb.rows(`FROM timeline(${width})`)).rejects.toThrow(
          "width must be an interval longer than zero",
        );
      for (const width of ["INTERVAL 1 HOUR", "INTERVAL 1 DAY"])
        await expect(duckdb.rows(`FROM timeline(${width}, tz := 'Mars/Olympus')`)).rejects.toThrow("Mars/Olympus");
      await expect(duckdb.rows("FROM timeline(INTERVAL 1 DAY, tz := NULL)")).rejects.toThrow("tz must be the name");
    }
  });
});

const instant = (ms: number | undefined) => (ms === undefined ? "NULL" : `make_timestamptz(${ms}000)`);

type Asked = { widthMs: Width; zone: Zone; since: number | undefined; until: number | undefined };

/** Bucket, events, sessions, people. */
function plainTimeline(events: readonly ToldEvent[], { widthMs, zone, since, until }: Asked): number[][] {
  const all = placed(events).filter(
    ({ at }) => (since === undefined || at >= since) && (until === undefined || at < until),
  );
  const times = all.map(({ at }) => at);
  const first = since ?? Math.min(...times);
  // Times are whole milliseconds.
  const last = until === undefined ? Math.max(...times) : until - 1;
  const counts = new Map<number, { events: number; sessions: Set<number>; people: Set<string> }>();
  if (first <= last)
    for (let at = first; ; at = Math.min(at + quarter, last)) {
      counts.set(zone.bucketOf(at, widthMs), { events: 0, sessions: new Set(), people: new Set() });
      if (at === last) break;
    }
  const sessions = sessionsOf(all, 30 * minute);
  for (const event of all) {
    const count = counts.get(zone.bucketOf(event.at, widthMs));
    if (count === undefined) throw new Error("an event outside of all buckets");
    count.events++;
    if (event.person !== null) count.people.add(event.person);
    const session = sessions.findIndex((each) => each.some(({ place }) => place === event.place));
    if (session >= 0) count.sessions.add(session);
  }
  return [...counts]
    .sort(([a], [b]) => a - b)
    .map(([bucket, count]) => [bucket, count.events, count.sessions.size, count.people.size]);
}

/** The clock of a time zone, as the runtime's own calendar knows it. */
class Zone {
  readonly #format: Intl.DateTimeFormat;
  readonly #offsets = new Map<number, number>();

  constructor(timeZone: string) {
    this.#format = new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
    });
  }

  /** What the clock shows at an instant, as ms since 1970 of a clock of UTC that shows the same. */
  #shown(at: number): number {
    const start = Math.floor(at / quarter) * quarter;
    let offset = this.#offsets.get(start);
    if (offset === undefined) {
      const part = Object.fromEntries(
        this.#format.formatToParts(start).map(({ type, value }) => [type, Number(value)]),
      );
      const { year = 0, month = 0, day = 0, hour: hours = 0, minute: minutes = 0 } = part;
      offset = Date.UTC(year, month - 1, day, hours, minutes) - start;
      this.#offsets.set(start, offset);
    }
    return at + offset;
  }

  /** The start of the bucket of an instant. */
  bucketOf(at: number, width: Width): number {
    const shown = this.#shown(at);
    const start = startShown(shown, width);
    // An hour that the clock shows twice is two buckets, and so are shorter stretches.
    if (width !== "month" && width <= hour) return at - (shown - start);
    // The first instant at which the clock shows the start of the bucket, or has just leapt over it.
    for (let instant = start - 15 * hour; ; instant += quarter) if (this.#shown(instant) >= start) return instant;
  }
}

/** Where the bucket of a time that a clock shows starts on that clock; weeks start on Monday. */
function startShown(shown: number, width: Width): number {
  if (width === "month") {
    const date = new Date(shown);
    return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
  }
  const monday = Date.UTC(2000, 0, 3);
  return monday + Math.floor((shown - monday) / width) * width;
}
