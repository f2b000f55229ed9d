/** The macro `funnel`: against one that tries every way, and what it says of small histories. */
import { afterAll, describe, expect, test } from "bun:test";
import type { DuckDB } from "../../src/store/sql/duckdb.ts";
import { listLiteral, literal } from "../../src/store/sql/literals.ts";
import { type FunnelOrder, type FunnelQuestion, plainFunnel } from "../support/plain-funnel.ts";
import { draws, fc } from "../support/property.ts";
import { catalogOfTold, type ToldEvent, tellEvents } from "../support/told.ts";

let opened: DuckDB | undefined;
const catalog = async () => (opened ??= await catalogOfTold());
afterAll(() => opened?.[Symbol.dispose]());

/** Asks after these events; numbers come as numbers. */
async function funnel(events: readonly ToldEvent[], call: string, from = "FROM") {
  const duckdb = await catalog();
  await tellEvents(duckdb, events);
  const rows = await duckdb.rows(`${from} funnel(${call})`);
  return rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name,
        name === "event_name" || name === "breakdown" || value === null ? value : Number(value),
      ]),
    ),
  );
}

/** Events of one person, written as `name@second`. */
const told = (text: string, person = "p"): ToldEvent[] =>
  text.split(" ").map((word) => {
    const [name = "", second] = word.split("@");
    return { at: Number(second) * 1000, event_name: name, user_id: person };
  });

const reached = (rows: readonly Record<string, unknown>[]) => rows.map((row) => row["reached"]);

describe("funnel", () => {
  const table = [
    { what: "in order", events: "a@1 b@2 c@3", steps: "abc", sequential: 3, strict: 3, any: 3 },
    { what: "backwards", events: "c@1 b@2 a@3", steps: "abc", sequential: 1, strict: 1, any: 3 },
    { what: "without the first", events: "b@1 c@2", steps: "abc", sequential: 0, strict: 0, any: 0 },
    { what: "without the second", events: "a@1 c@2", steps: "abc", sequential: 1, strict: 1, any: 1 },
    { what: "with others between", events: "a@1 x@2 a@3 b@4 x@5 c@6", steps: "abc", sequential: 3, strict: 2, any: 3 },
    { what: "with another at the same instant", events: "a@1 x@1 b@2", steps: "ab", sequential: 2, strict: 2, any: 2 },
    { what: "with a step between", events: "a@1 b@2 b@3 c@4", steps: "abc", sequential: 3, strict: 2, any: 3 },
    { what: "strictly at the second try", events: "a@1 x@2 a@3 b@4", steps: "ab", sequential: 2, strict: 2, any: 2 },
    { what: "just within", events: "a@0 b@10", steps: "ab", sequential: 2, strict: 2, any: 2 },
    { what: "just past", events: "a@0 b@10.001", steps: "ab", sequential: 1, strict: 1, any: 1 },
    { what: "just past, backwards", events: "b@0 a@10.001", steps: "ab", sequential: 1, strict: 1, any: 1 },
    { what: "counted from the first event", events: "a@0 b@6 c@12", steps: "abc", sequential: 2, strict: 2, any: 2 },
    { what: "from a later start", events: "a@0 b@6 a@7 b@8 c@12", steps: "abc", sequential: 3, strict: 3, any: 3 },
    { what: "a later start spoils nothing", events: "a@0 b@6 a@7 c@9", steps: "abc", sequential: 3, strict: 2, any: 3 },
    { what: "one event is not two steps", events: "a@1", steps: "aa", sequential: 1, strict: 1, any: 1 },
    { what: "a repeated name", events: "a@1 b@2 a@3", steps: "aba", sequential: 3, strict: 3, any: 3 },
    { what: "a repeated name, twice at once", events: "a@1 a@1", steps: "aa", sequential: 2, strict: 2, any: 2 },
    { what: "at one instant, in any order", events: "c@1 b@1 a@1", steps: "abc", sequential: 3, strict: 3, any: 3 },
    { what: "a single step", events: "x@1 a@2", steps: "a", sequential: 1, strict: 1, any: 1 },
  ];

  test("counts a person as far as they came, in each order", async () => {
    for (const { what, events, steps, ...depths } of table)
      for (const [order, depth] of Object.entries(depths)) {
        const call = `${listLiteral([...steps])}, INTERVAL 10 SECOND, "order" := '${order}'`;
        expect({ what, order, reached: reached(await funnel(told(events), call)) }).toEqual({
          what,
          order,
          reached: [...steps].map((_, index) => (index < depth ? 1 : 0)),
        });
      }
  });

  test("tells shares, drop-off and median times, and leaves out who has no id", async () => {
    const people = ["a@1 b@2 c@5", "a@1 b@4", "a@1", "a@1", "b@2"].flatMap((events, index) =>
      told(events, String(index)),
    );
    const rows = await funnel([...people, { at: 0, event_name: "a" }], "['a', 'b', 'c', 'd', 'a'], '1 hour'");
    const row = (step: number, event_name: string, numbers: readonly (number | null)[]) => {
      const [count, ofFirst, ofPrevious, since, fromFirst, dropped] = numbers;
      const times = { median_seconds: since, median_seconds_from_first: fromFirst };
      return { step, event_name, reached: count, of_first: ofFirst, of_previous: ofPrevious, ...times, dropped };
    };
    expect(rows as unknown[]).toEqual(
      [
        row(1, "a", [4, 1, 1, null, null, 0]),
        row(2, "b", [2, 0.5, 0.5, 2, 2, 2]),
        row(3, "c", [1, 0.25, 0.5, 3, 4, 1]),
        row(4, "d", [0, 0, 0, null, null, 1]),
        row(5, "a", [0, 0, null, null, null, 0]),
      ].map((expected) => ({ ...expected, breakdown: null })),
    );
  });

  test("takes the first try that came furthest, from its latest start, and its first arrival at each step", async () => {
    const rows = await funnel(told("a@0 b@1 a@10 a@12 b@15 b@17 c@18 a@20 b@20 c@20"), "['a', 'b', 'c'], '9 seconds'");
    expect(rows.map((row) => [row["median_seconds"], row["median_seconds_from_first"]])).toEqual([
      [null, null],
      [3, 3],
      [3, 6],
    ]);
  });

  test("follows a person from a device to their name, and a session across neither 30 minutes nor its id", async () => {
    const minute = 60_000;
    const events = [
      { at: 0, event_name: "a", anonymous_id: "phone" },
      { at: 29 * minute, event_name: "x", anonymous_id: "phone", user_id: "ann" },
      { at: 58 * minute, event_name: "b", user_id: "ann" },
      { at: 0, event_name: "a", session_id: "s", user_id: "bob" },
      { at: 31 * minute, event_name: "b", session_id: "s", user_id: "bob" },
      { at: 0, event_name: "a", session_id: "t" },
      { at: 1, event_name: "b", session_id: "t" },
      { at: 2, event_name: "b" },
    ];
    expect(reached(await funnel(events, "['a', 'b'], '1 day'"))).toEqual([2, 2]);
    expect(reached(await funnel(events, "['a', 'b'], '1 day', by := 'session'"))).toEqual([3, 2]);
  });

  test("breaks down by a property or an expression; what is past 25 values is one group", async () => {
    const events = Array.from({ length: 30 }, (_, index) => {
      const properties = JSON.stringify({ "$a/b~": `v${index % 27}` });
      return { at: index, event_name: "a", user_id: `u${index}`, page_url: index < 20 ? "/" : null, properties };
    });
    const groups = async (breakdown: string) =>
      (await funnel(events, `['a'], '1 day', breakdown := ${breakdown}`)).map((row) => [
        row["breakdown"],
        row["reached"],
      ]);
    const byProperty = await groups("'$a/b~'");
    expect(byProperty.slice(0, 4)).toEqual([
      ["v0", 2],
      ["v1", 2],
      ["v2", 2],
      ["v10", 1],
    ]);
    expect(byProperty).toHaveLength(26);
    expect(byProperty.at(-1)).toEqual(["(other)", 2]);
    expect(await groups("page_url")).toEqual([
      ["/", 20],
      [null, 10],
    ]);
    expect(await groups("upper(page_url) || 'x'")).toEqual([
      ["/x", 20],
      [null, 10],
    ]);
    expect(await groups("'nothing'")).toEqual([[null, 30]]);
  });

  test("agrees with one that tries every way, in each order, by person and session, with a range and a breakdown", async () => {
    const id = (...ids: string[]) => fc.option(fc.constantFrom(...ids), { freq: 2 });
    const event = fc.record({
      at: fc.nat(14).map((tens) => tens * 600_000),
      event_name: fc.constantFrom("a", "a", "b", "b", "c", "x"),
      user_id: id("u", "v"),
      client_id: id("u", "w"),
      session_id: id("u", "s"),
      page_url: id("/", "/2"),
    });
    const question = fc.record<FunnelQuestion>({
      steps: fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 4 }),
      withinMs: fc.nat(8).map((tens) => tens * 600_000),
      order: fc.constantFrom<FunnelOrder>("sequential", "strict", "any"),
      by: fc.constantFrom("person", "session"),
      since: fc.option(
        fc.nat(14).map((tens) => tens * 600_000),
        { freq: 2 },
      ),
      until: fc.option(
        fc.nat(14).map((tens) => tens * 600_000),
        { freq: 2 },
      ),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 20 }), question, async (events, asked) => {
        const time = (ms: number | null) => (ms === null ? "NULL" : `epoch_ms(${ms})::TIMESTAMPTZ`);
        const rows = await funnel(
          events,
          `${listLiteral(asked.steps)}, INTERVAL ${asked.withinMs} MILLISECOND, "order" := '${asked.order}',
          by := ${literal(asked.by)}, breakdown := page_url, since := ${time(asked.since)}, until := ${time(asked.until)}`,
        );
        const told = rows.map((row) => [
          row["breakdown"],
          row["step"],
          row["reached"],
          row["dropped"],
          row["median_seconds"],
          row["median_seconds_from_first"],
        ]);
        const inOrder = (lines: readonly unknown[]) => lines.map((line) => JSON.stringify(line)).sort();
        expect(inOrder(told)).toEqual(inOrder(plainFunnel(events, asked)));
      }),
      draws(150),
    );
  });

  test("reads only the events that WITH leaves, also where it takes names of the macro's own", async () => {
    const events = [...told("a@1 b@2", "p"), ...told("a@1 b@2", "q")];
    const filtered = "WITH events AS (SELECT * FROM events WHERE user_id = 'p') FROM";
    expect(reached(await funnel(events, "['a', 'b'], '1 day'", filtered))).toEqual([1, 1]);
    const named = "WITH step AS (FROM events WHERE user_id = 'p'), events AS (FROM step) FROM";
    expect(reached(await funnel(events, "['a', 'b'], '1 day', \"order\" := 'any'", named))).toEqual([1, 1]);
  });

  test("says of each argument what is allowed, also when there is no event", async () => {
    const refused = [
      ["[], '1 day'", "steps must be a list of 1 to 30 event names without NULL, not []"],
      ["NULL, '1 day'", "steps must be a list of 1 to 30 event names without NULL, not NULL"],
      ["['a', NULL], '1 day'", "not [a, NULL]"],
      ["range(31), '1 day'", "steps must be a list of 1 to 30"],
      ["['a'], NULL", "within must be an interval that is not negative, such as INTERVAL 1 DAY, not NULL"],
      ["['a'], INTERVAL '-1' DAY", "not '-1 day'"],
      ["['a'], '1 day', by := 'user'", "by must be 'person' or 'session', not 'user'"],
      ["['a'], '1 day', by := NULL", "by must be 'person' or 'session', not NULL"],
      [`['a'], '1 day', "order" := 'loose'`, `"order" must be 'sequential', 'strict' or 'any', not 'loose'`],
      [`['a'], '1 day', "order" := NULL`, `"order" must be 'sequential', 'strict' or 'any', not NULL`],
    ] as const;
    for (const [call, message] of refused) {
      await expect(funnel([], call)).rejects.toThrow(message);
      await expect(funnel(told("a@1"), call)).rejects.toThrow(message);
    }
    expect(reached(await funnel([], "['a', 'b'], INTERVAL 0 SECOND"))).toEqual([0, 0]);
  });
});
