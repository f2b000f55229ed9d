/** Sessions by inactivity: the view and the macro against a plain computation, and where a session came from. */
import { afterAll, describe, expect, test } from "bun:test";
import type { DuckDB } from "../../src/store/sql/duckdb.ts";
import { firstOf, type Placed, placed, sessionsOf } from "../support/plain-questions.ts";
import { draws, fc } from "../support/property.ts";
import { catalogOfTold, type ToldEvent, tellEvents } from "../support/told.ts";

let opened: DuckDB | undefined;
const catalog = async () => (opened ??= await catalogOfTold());
afterAll(() => opened?.[Symbol.dispose]());

const minute = 60_000;

/** Ties, pauses of exactly 30 minutes and just past it, and strings that are a session_id, a person and both. */
const event = fc.record({
  at: fc
    .tuple(fc.integer({ min: -6, max: 6 }), fc.constantFrom(0, 0, 0, 1, 29 * minute))
    .map(([tens, more]) => tens * 10 * minute + more),
  session_id: fc.constantFrom(null, null, "a", "s"),
  user_id: fc.constantFrom(null, null, "a", "u"),
  anonymous_id: fc.constantFrom(null, "d", "a"),
  page_url: fc.constantFrom(null, "https://shop.example/1", "https://shop.example/2"),
  referrer: fc.constantFrom(null, "https://news.example/", "https://t.co/x"),
});

describe("sessions", () => {
  test("agree with a plain computation, by any gap", async () => {
    const duckdb = await catalog();
    const range = fc.option(fc.integer({ min: -60, max: 60 }), { nil: undefined });
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { maxLength: 16 }),
        fc.constantFrom(1, 10, 30, 45),
        range,
        range,
        async (events, gap, since, until) => {
          await tellEvents(duckdb, events);
          const bound = (at: number | undefined) => (at === undefined ? "NULL" : `make_timestamptz(${at * minute}000)`);
          const rows = await duckdb.rows(`
            SELECT session_id, epoch_ms(start)::DOUBLE AS start, epoch_ms("end")::DOUBLE AS "end", events::INT AS events,
              epoch_ms(duration)::DOUBLE AS duration, person, bounce, entry_page, exit_page, referrer, session
            FROM sessions(gap := INTERVAL ${gap} MINUTE, since := ${bound(since)}, until := ${bound(until)})`);
          const expected = sessionsOf(placed(events), gap * minute).filter(
            ([{ at }]) => (since === undefined || at >= since * minute) && (until === undefined || at < until * minute),
          );
          expect(new Set(rows.map(({ session }) => session)).size).toBe(rows.length);
          expect(rows.map(({ session }) => session).toSorted()).toEqual(expected.map(nameOf).toSorted());
          for (const session of expected) judge(rows.find((row) => row["session"] === nameOf(session)) ?? {}, session);
        },
      ),
      draws(40),
    );
  });

  test("are the same in the view and the macro, where several events come at one instant, too", async () => {
    const duckdb = await catalog();
    const ids = ["a", "s", null];
    await tellEvents(
      duckdb,
      Array.from({ length: 60 }, (_, index) => ({
        at: (index % 7) * 20 * minute,
        session_id: ids[index % 3] ?? null,
        user_id: `u${index % 2}`,
        page_url: `https://shop.example/${index}`,
      })),
    );
    const differing = `SELECT count(*)::INT AS n, (SELECT count(*)::INT FROM sessions) > 3 AS several
      FROM ((FROM sessions EXCEPT ALL FROM sessions()) UNION ALL (FROM sessions() EXCEPT ALL FROM sessions))`;
    expect(await duckdb.rows(differing)).toEqual([{ n: 0, several: true }]);
  });

  test("two users of one session_id are one session, of the person who came first", async () => {
    const duckdb = await catalog();
    await tellEvents(duckdb, [
      { at: 0, session_id: "s" },
      { at: 1, session_id: "s", user_id: "ann" },
      { at: 2, session_id: "s", user_id: "bob" },
      { at: 3 },
    ]);
    expect(await duckdb.rows("SELECT person, events::INT AS events FROM sessions")).toEqual([
      { person: "ann", events: 3 },
    ]);
  });

  test("a gap that is not longer than zero is refused by its name, also where there are no events", async () => {
    const duckdb = await catalog();
    for (const events of [[], [{ at: 0, session_id: "s" }]]) {
      await tellEvents(duckdb, events);
      for (const gap of ["INTERVAL 0 MINUTE", "INTERVAL '-5' MINUTE", "NULL"])
        await expect(duckdb.rows(`FROM sessions(gap := ${gap})`)).rejects.toThrow("gap must be longer than zero");
    }
  });
});

/** As the column `session` names it. */
const nameOf = ([first]: readonly [Placed, ...Placed[]]) => `${first.key}@${first.at * 1000}`;

function judge(row: Record<string, unknown>, session: readonly [Placed, ...Placed[]]) {
  const times = session.map(({ at }) => at);
  const [start, end] = [Math.min(...times), Math.max(...times)];
  const { session_id, events, bounce } = row;
  expect({ session_id, start: row["start"], end: row["end"], duration: row["duration"], events, bounce }).toEqual({
    session_id: session[0].session_id ?? null,
    start,
    end,
    duration: end - start,
    events: session.length,
    bounce: session.length === 1,
  });
  // Of several events at one instant any may be the first, and always the same one is.
  const hasPage = ({ page_url }: ToldEvent) => page_url !== null;
  const entries = firstOf(session, hasPage);
  const exits = firstOf(
    session.map((each) => ({ ...each, at: -each.at })),
    hasPage,
  );
  const persons = firstOf(session, ({ person }) => person !== null);
  expect(orNull(persons.map(({ person }) => person))).toContain(row["person"]);
  expect(orNull(exits.map(({ page_url }) => page_url))).toContain(row["exit_page"]);
  const entered = entries.length > 0 ? entries : firstOf(session, () => true);
  expect(entered.map(({ page_url, referrer }): unknown[] => [page_url, referrer])).toContainEqual([
    row["entry_page"],
    row["referrer"],
  ]);
}

const orNull = (values: readonly unknown[]) => (values.length === 0 ? [null] : values);

describe("where a session came from", () => {
  const came = async (entry: string | null, referrer: string | null = null) => {
    const duckdb = await catalog();
    await tellEvents(duckdb, [{ at: 0, session_id: "s", page_url: entry, referrer }]);
    const [row] = await duckdb.rows(
      "SELECT utm_source, utm_medium, utm_campaign, utm_term, utm_content, channel FROM sessions",
    );
    return row;
  };
  const site = "https://www.shop.example/";

  test("UTM columns are decoded; what cannot be decoded stays; what follows # does not count", async () => {
    expect(
      await came(
        `${site}?a=1&utm_source=News+letter&utm_medium=e%2Dmail&utm_campaign=%C3%A9t%C3%A9&utm_term=%ff&utm_content=`,
      ),
    ).toMatchObject({
      utm_source: "News letter",
      utm_medium: "e-mail",
      utm_campaign: "été",
      utm_term: "%ff",
      utm_content: null,
    });
    expect(await came(`${site}#?utm_source=x`)).toMatchObject({ utm_source: null, channel: "Direct" });
  });

  const channels: readonly (readonly [entry: string | null, referrer: string | null, channel: string])[] = [
    [site, null, "Direct"],
    [null, null, "Direct"],
    [site, "https://shop.example/other", "Direct"],
    [site, "https://www.google.co.uk/", "Organic Search"],
    [site, "https://duckduckgo.com/", "Organic Search"],
    [site, "android-app://com.example", "Referral"],
    [site, "https://l.facebook.com/l.php", "Organic Social"],
    [site, "https://t.co/abc", "Organic Social"],
    [site, "https://notgoogle.example/", "Referral"],
    [site, "https://youtu.be/x", "Organic Video"],
    [site, "https://news.example/a", "Referral"],
    [`${site}?utm_source=google&utm_medium=cpc`, null, "Paid Search"],
    [`${site}?gclid=abc`, "https://www.google.com/", "Paid Search"],
    [`${site}?utm_source=facebook&utm_medium=paid_social`, null, "Paid Social"],
    [`${site}?utm_source=YouTube&utm_medium=CPV`, null, "Paid Video"],
    [`${site}?utm_source=partner&utm_medium=banner`, null, "Display"],
    [`${site}?utm_source=partner&utm_medium=cpc`, null, "Paid Other"],
    [`${site}?utm_source=mail&utm_medium=email`, null, "Email"],
    [`${site}?utm_source=blog&utm_medium=affiliate`, null, "Affiliates"],
    [`${site}?utm_medium=sms&utm_source=x1`, null, "SMS"],
    [`${site}?utm_source=app&utm_medium=web-push`, null, "Mobile Push Notifications"],
    [`${site}?utm_source=q&utm_medium=podcast`, null, "Unassigned"],
    [`${site}?utm_source=q&utm_campaign=Cross-Network`, null, "Cross-network"],
  ];

  test("channels follow the rules of Google Analytics 4", async () => {
    for (const [entry, referrer, channel] of channels)
      expect({ entry, referrer, channel: (await came(entry, referrer))?.["channel"] }).toEqual({
        entry,
        referrer,
        channel,
      });
  });
});
