/** The macros that list and follow: against plain computations; and that WITH events reaches every macro. */
import { afterAll, describe, expect, test } from "bun:test";
import { catalogMacros } from "../../src/store/catalog/questions/questions.ts";
import type { DuckDB } from "../../src/store/sql/duckdb.ts";
import { literal } from "../../src/store/sql/literals.ts";
import { type Placed, personOf, placed, sessionsOf } from "../support/plain-questions.ts";
import { draws, fc } from "../support/property.ts";
import { catalogOfTold, idOfPlace, type ToldEvent, tellEvents } from "../support/told.ts";

let opened: DuckDB | undefined;
const catalog = async () => (opened ??= await catalogOfTold());
afterAll(() => opened?.[Symbol.dispose]());

const minute = 60_000;

const id = fc.constantFrom(null, null, "a", "b");

const event = fc.record({
  at: fc.nat(8).map((tens) => tens * 10 * minute),
  event_name: fc.constantFrom("view", "click", "buy"),
  session_id: id,
  user_id: id,
  anonymous_id: fc.constantFrom(null, "d", "a"),
  page_url: fc.constantFrom(null, "https://a.example/1?q=2", "https://a.example/1#top", "https://a.example/2"),
  properties: fc.constantFrom(
    null,
    "{}",
    '{"plan":"pro"}',
    '{"plan":"free","a/b~":1.5}',
    '{"plan":7,"a/b~":null}',
    '{"plan":["x"],"":true}',
  ),
});

const events = fc.array(event, { maxLength: 14 });

const range = fc.record({ since: fc.option(fc.nat(8)), until: fc.option(fc.nat(8)) });

type Range = { since: number | null; until: number | null };

const inRange = ({ since, until }: Range) => {
  const from = since ?? Number.NEGATIVE_INFINITY;
  const to = until ?? Number.POSITIVE_INFINITY;
  return ({ at }: ToldEvent) => at >= from * 10 * minute && at < to * 10 * minute;
};

const rangeArguments = ({ since, until }: Range) =>
  Object.entries({ since, until }).flatMap(([name, tens]) =>
    tens === null ? [] : [`${name} := make_timestamptz(${tens * 10 * minute}000)`],
  );

/** The rows of a macro, each as its values; counts as numbers. */
async function ask(call: string): Promise<unknown[][]> {
  const rows = await (await catalog()).rows(`FROM ${call}`);
  return rows.map((row) =>
    Object.entries(row).map(([name, value]) => (counts.has(name) && value !== null ? Number(value) : value)),
  );
}

const counts = new Set(["events", "people", "sessions", "step"]);

/** As ORDER BY events DESC, value NULLS LAST. */
const byCount = (
  [a, x]: readonly [string | null, number, ...unknown[]],
  [b, y]: readonly [string | null, number, ...unknown[]],
) => y - x || Number(a === null) - Number(b === null) || ((a ?? "") < (b ?? "") ? -1 : 1);

const countBy = <T>(items: readonly T[], textOf: (item: T) => string | null) => {
  const groups = new Map<string | null, T[]>();
  for (const item of items) groups.set(textOf(item), [...(groups.get(textOf(item)) ?? []), item]);
  return [...groups];
};

const people = (of: readonly Placed[]) => new Set(of.flatMap(({ person }) => (person === null ? [] : [person]))).size;

test("top counts the values of a column in a range", async () => {
  await fc.assert(
    fc.asyncProperty(events, range, fc.integer({ min: 1, max: 3 }), async (told, bounds, n) => {
      await tellEvents(await catalog(), told);
      const expected = countBy(told.filter(inRange(bounds)), ({ page_url }) => page_url)
        .map(([value, of]): [string | null, number] => [value, of.length])
        .sort(byCount);
      expect(await ask(`top(page_url, ${[`n := ${n}`, ...rangeArguments(bounds)].join(", ")})`)).toEqual(
        expected.slice(0, n),
      );
    }),
    draws(40),
  );
});

test("breakdown counts events and people by a property of any name; what is not there counts as NULL", async () => {
  await fc.assert(
    fc.asyncProperty(events, range, fc.constantFrom("plan", "a/b~", "", "other"), async (told, bounds, property) => {
      await tellEvents(await catalog(), told);
      const textOf = ({ properties }: Placed) => {
        const value = JSON.parse(properties ?? "null")?.[property] ?? null;
        return value === null || typeof value === "string" ? value : JSON.stringify(value);
      };
      const expected = countBy(placed(told).filter(inRange(bounds)), textOf)
        .map(([value, of]): [string | null, number, number] => [value, of.length, people(of)])
        .sort(byCount);
      expect(await ask(`breakdown(${[literal(property), ...rangeArguments(bounds)].join(", ")})`)).toEqual(expected);
    }),
    draws(40),
  );
});

test("properties lists names with their types, counts and examples", async () => {
  await fc.assert(
    fc.asyncProperty(events, range, async (told, bounds) => {
      await tellEvents(await catalog(), told);
      const members = told
        .filter(inRange(bounds))
        .flatMap(({ properties }) => Object.entries<unknown>(JSON.parse(properties ?? "{}")))
        .map(([name, value]) => ({ name, value }));
      const typeOf = (value: unknown) => (Array.isArray(value) ? "array" : value === null ? "null" : typeof value);
      const expected = countBy(members, ({ name }) => name)
        .map(([name, of]): [string | null, number, string[], string[]] => [
          name,
          of.length,
          [...new Set(of.map(({ value }) => typeOf(value)))].sort(),
          [
            ...new Set(
              of.flatMap(({ value }) =>
                value === null ? [] : [typeof value === "string" ? value : JSON.stringify(value)],
              ),
            ),
          ],
        ])
        .sort(byCount);
      const rows = await ask(`properties(${rangeArguments(bounds).join(", ")})`);
      expect(rows.map(([name, types, count]) => [name, types, count])).toEqual(
        expected.map(([name, count, types]) => [name, types, count]),
      );
      for (const [index, [, , , values]] of expected.entries()) {
        const examples = rows[index]?.[3];
        expect(values).toEqual(expect.arrayContaining(Array.isArray(examples) ? examples : ["not a list"]));
        expect(examples).toHaveLength(Math.min(3, values.length));
      }
    }),
    draws(40),
  );
});

test("person_events gives the events of one person in order, of joined devices, too, and nobody else's", async () => {
  await fc.assert(
    fc.asyncProperty(events, range, fc.constantFrom("a", "b", "d"), async (told, bounds, who) => {
      await tellEvents(await catalog(), told);
      const expected = told
        .map((each, place) => ({ ...each, place }))
        .filter((each) => personOf(each, told) === who && inRange(bounds)(each))
        .sort((a, b) => a.at - b.at || a.place - b.place);
      const rows = await (await catalog()).rows(
        `SELECT event_id::VARCHAR AS id, person FROM person_events(${[literal(who), ...rangeArguments(bounds)].join(", ")})`,
      );
      expect(rows).toEqual(expected.map(({ place }) => ({ id: idOfPlace(place), person: who })));
    }),
    draws(60),
  );
});

test("a property and a person that are NULL are refused by what is allowed, also where there are no events", async () => {
  for (const events of [[], [{ at: 0, user_id: "u" }]]) {
    await tellEvents(await catalog(), events);
    await expect(ask("breakdown(NULL)")).rejects.toThrow("property must be the name of a property, not NULL");
    await expect(ask("person_events(NULL)")).rejects.toThrow("id must be a person, as the view persons names them");
  }
});

describe("paths", () => {
  test("agree with a plain walk through each session, after an event or a page", async () => {
    const start = fc.constantFrom("view", "buy", "https://a.example/1", "https://a.example/2", "never");
    await fc.assert(
      fc.asyncProperty(events, start, fc.integer({ min: 1, max: 4 }), async (told, from, depth) => {
        await tellEvents(await catalog(), told);
        const rows = await ask(`paths(${literal(from)}, depth := ${depth})`);
        expect(rows.map((row) => JSON.stringify(row)).toSorted()).toEqual(plainPaths(told, from, depth).toSorted());
      }),
      draws(60),
    );
  });

  test("a start and a depth that are none are refused by what is allowed", async () => {
    await tellEvents(await catalog(), []);
    await expect(ask("paths(NULL)")).rejects.toThrow("start must be the name of an event or a page");
    for (const depth of ["0", "21", "NULL"])
      await expect(ask(`paths('a', depth := ${depth})`)).rejects.toThrow("depth must be from 1 to 20, not");
  });
});

/** Rows as JSON: step, previous, value, sessions, people. */
function plainPaths(told: readonly ToldEvent[], start: string, depth: number): string[] {
  const isEvent = told.some(({ event_name }) => event_name === start);
  const nodeOf = (each: Placed) =>
    isEvent ? (each.event_name ?? null) : (each.page_url?.replace(/[?#].*/, "") ?? null);
  const steps = sessionsOf(placed(told), 30 * minute).flatMap((session) => {
    const nodes = session
      .map((each) => ({ node: nodeOf(each), person: each.person }))
      .filter(({ node }) => node !== null)
      .filter(({ node }, place, all) => node !== all[place - 1]?.node);
    const first = nodes.findIndex(({ node }) => node === start);
    if (first < 0) return [];
    const walk = nodes.slice(first).map(({ node }) => node);
    const person = nodes.slice(first).find((each) => each.person !== null)?.person ?? null;
    return walk
      .slice(0, depth)
      .map((previous, index) => ({ edge: JSON.stringify([index + 1, previous, walk[index + 1] ?? null]), person }));
  });
  return countBy(steps, ({ edge }) => edge).map(([edge, of]) =>
    JSON.stringify([
      ...JSON.parse(edge ?? "[]"),
      of.length,
      new Set(of.flatMap(({ person }) => (person === null ? [] : [person]))).size,
    ]),
  );
}

/** A history that every macro has something to say of. */
const told = Array.from({ length: 40 }, (_, index) => ({
  at: index * 7 * minute,
  event_name: index % 7 < 4 && index !== 39 ? "view" : "buy",
  session_id: index % 3 === 0 ? null : `s${index % 5}`,
  user_id: index === 39 ? "buyer" : index % 4 === 0 ? `u${index % 3}` : null,
  anonymous_id: index === 39 ? null : `d${index % 6}`,
  page_url: `/${index % 4}`,
  properties: `{"plan":"p${index % 3}"}`,
}));

/** A call of each macro. */
const calls: Record<string, string> = {
  top: "top(page_url)",
  timeline: "timeline(INTERVAL 1 HOUR)",
  sessions: "sessions()",
  paths: "paths('/1')",
  breakdown: "breakdown('plan')",
  properties: "properties()",
  person_events: "person_events('u1')",
  funnel: "funnel(['view', 'buy'], INTERVAL 1 DAY)",
  retention: "retention('day')",
};

test("WITH events AS (…) asks every macro of these events alone", async () => {
  const duckdb = await catalog();
  expect(Object.keys(calls).toSorted()).toEqual(catalogMacros.map(({ name }) => name).toSorted());
  const some = "WITH events AS (SELECT * FROM events WHERE event_name = 'view')";
  for (const call of Object.values(calls)) {
    await tellEvents(duckdb, told);
    const all = await duckdb.rows(`FROM ${call} AS answer ORDER BY ALL`);
    const filtered = await duckdb.rows(`${some} FROM ${call} AS answer ORDER BY ALL`);
    await duckdb.run("DELETE FROM told WHERE event_name <> 'view'");
    expect({ call, rows: filtered }).toEqual({ call, rows: await duckdb.rows(`FROM ${call} AS answer ORDER BY ALL`) });
    expect({ call, rows: filtered }).not.toEqual({ call, rows: all });
  }
});

test("a WITH events with more columns, as a typed view has them, changes no answer", async () => {
  const duckdb = await catalog();
  await tellEvents(duckdb, told);
  // Names that the macros give to what they compute.
  const names =
    "cell events id is_event is_lone key last_t lone name node number people person place session slot step t type value";
  const more = names.split(" ").map((name) => `'mine' AS "${name}"`);
  for (const call of Object.values(calls)) {
    const columns = (await duckdb.rows(`DESCRIBE FROM ${call}`)).map(({ column_name: name }) => `"${name}"`);
    const asked = `SELECT ${columns.join(", ")} FROM ${call} AS answer ORDER BY ALL`;
    const expected = await duckdb.rows(asked);
    const rows = await duckdb.rows(`WITH events AS (SELECT *, ${more.join(", ")} FROM events) ${asked}`);
    expect({ call, rows }).toEqual({ call, rows: expected });
  }
});
