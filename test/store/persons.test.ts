/** Whose event it is: the rule in SQL against one that asks every event in turn. */
import { afterAll, describe, expect, test } from "bun:test";
import type { DuckDB } from "../../src/store/sql/duckdb.ts";
import { personOf } from "../support/plain-questions.ts";
import { draws, fc } from "../support/property.ts";
import { catalogOfTold, type ToldEvent, tellEvents } from "../support/told.ts";

let opened: DuckDB | undefined;
const catalog = async () => (opened ??= await catalogOfTold());
afterAll(() => opened?.[Symbol.dispose]());

/** Persons as the view says: person, user_id, first_seen and last_seen in ms, events. */
async function persons(events: readonly ToldEvent[]) {
  const duckdb = await catalog();
  await tellEvents(duckdb, events);
  const rows = await duckdb.rows(`SELECT person, user_id,
    epoch_ms(first_seen)::DOUBLE AS first, epoch_ms(last_seen)::DOUBLE AS last, events::INT AS events
    FROM persons ORDER BY person`);
  return rows.map(({ person, user_id, first, last, events: count }) => [person, user_id, first, last, count]);
}

describe("persons", () => {
  test("a device belongs to the user of its earliest event with both, from then on and backwards", async () => {
    const rows = await persons([
      { at: 5, anonymous_id: "phone" },
      { at: 10, anonymous_id: "phone", user_id: "ann" },
      { at: 20, anonymous_id: "phone", user_id: "bob" },
      { at: 30, anonymous_id: "phone", client_id: "app" },
      { at: 40, user_id: "bob" },
    ]);
    expect(rows).toEqual([
      ["ann", "ann", 5, 30, 3],
      ["bob", "bob", 20, 40, 2],
    ]);
  });

  test("of two users of a device at one instant the smaller id counts, and a client is a person only without both", async () => {
    const rows = await persons([
      { at: 1, anonymous_id: "tv", client_id: "app" },
      { at: 2, anonymous_id: "tv", user_id: "u2" },
      { at: 2, anonymous_id: "tv", user_id: "u10" },
      { at: 3, anonymous_id: "pad", client_id: "app" },
      { at: 4, client_id: "app" },
      { at: 5 },
      { at: 6, user_id: "" },
    ]);
    expect(rows).toEqual([
      ["", "", 6, 6, 1],
      ["app", null, 4, 4, 1],
      ["pad", null, 3, 3, 1],
      ["u10", "u10", 1, 2, 2],
      ["u2", "u2", 2, 2, 1],
    ]);
  });

  test("agree with a plain computation, also where one string is the id of a user, a device and a client", async () => {
    const id = fc.constantFrom(null, "a", "b", "c", "");
    const event = fc.record({ at: fc.nat(4), user_id: id, anonymous_id: id, client_id: id });
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 14 }), async (events) => {
        expect(await persons(events)).toEqual(plainPersons(events));
      }),
      draws(150),
    );
  });
});

function plainPersons(events: readonly ToldEvent[]) {
  const found = new Map<string, [string, string | null, number, number, number]>();
  for (const event of events) {
    const person = personOf(event, events);
    if (person === null) continue;
    const [, user = null, first = event.at, last = event.at, count = 0] = found.get(person) ?? [];
    const known = user ?? event.user_id ?? null;
    found.set(person, [person, known, Math.min(first, event.at), Math.max(last, event.at), count + 1]);
  }
  return [...found.values()].sort(([a], [b]) => (a < b ? -1 : 1));
}
