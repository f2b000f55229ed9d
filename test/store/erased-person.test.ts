/** Whose events an erasure of a person means: the contract's rule, against a plain computation. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  anonymousIdsQuery,
  loadPersonIds,
  PersonIdsDamaged,
  personCondition,
  readPersonIds,
} from "../../src/store/catalog/erased-person.ts";
import { keptLine } from "../../src/store/folder/kept-file.ts";
import { DuckDB } from "../../src/store/sql/duckdb.ts";
import { literal } from "../../src/store/sql/literals.ts";
import { draws, fc } from "../support/property.ts";

let duckdb: DuckDB;
const place = mkdtempSync(join(tmpdir(), "millrace-test-"));
beforeAll(async () => {
  duckdb = await DuckDB.open({ threads: 1, memoryMiB: 256 });
});
afterAll(() => {
  duckdb[Symbol.dispose]();
  rmSync(place, { recursive: true, force: true });
});

type Seen = { at: number; user: string | null; anonymous: string | null; client: string | null };

/** The contract's rule, word for word. */
function personOf(event: Seen, all: readonly Seen[]): string | null {
  if (event.user !== null) return event.user;
  const joining = all.filter(({ user, anonymous }) => user !== null && anonymous === event.anonymous);
  const sorted = joining.sort((a, b) => a.at - b.at || ((a.user ?? "") < (b.user ?? "") ? -1 : 1));
  return (event.anonymous === null ? undefined : sorted[0]?.user) ?? event.anonymous ?? event.client;
}

/** Few ids: so users, anonymous ids and clients have equal ones, events tie, and anonymous ids have two users. */
const id = fc.option(fc.constantFrom("p", "q", "it's", "r", "\u0000"), { nil: null });
const seen: fc.Arbitrary<Seen> = fc.record({ at: fc.integer({ min: 0, max: 3 }), user: id, anonymous: id, client: id });

test("each person gets exactly the events that the rule gives them", async () => {
  const text = (value: string | null) => (value === null ? "NULL" : literal(value));
  await fc.assert(
    fc.asyncProperty(fc.array(seen, { minLength: 1, maxLength: 12 }), async (events) => {
      const rows = events.map(
        ({ at, user, anonymous, client }, number) =>
          `(${number}, to_timestamp(${at}), ${text(user)}, ${text(anonymous)}, ${text(client)})`,
      );
      await duckdb.run(
        `CREATE OR REPLACE TEMP TABLE events AS SELECT number, "timestamp", user_id::VARCHAR AS user_id,
           anonymous_id::VARCHAR AS anonymous_id, client_id::VARCHAR AS client_id
         FROM (VALUES ${rows.join(", ")}) AS rows(number, "timestamp", user_id, anonymous_id, client_id)`,
      );
      for (const person of ["p", "q", "it's", "r", "\u0000", "nobody"]) {
        const theirs = events.flatMap((event, number) => (personOf(event, events) === person ? [number] : []));
        const ids = `(${anonymousIdsQuery("events", person)})`;
        const found = await duckdb.rows(
          `SELECT number FROM events WHERE coalesce(${personCondition(person, ids)}, false) ORDER BY number`,
        );
        expect({ person, numbers: found.map(({ number }) => Number(number)) }).toEqual({ person, numbers: theirs });
      }
    }),
    draws(60),
  );
});

test("a file of 100,000 ids is read as it was written; one that is damaged or cut is refused", async () => {
  const path = join(place, "ids.ndjson");
  const all = [...Array.from({ length: 100_000 }, (_, index) => `device ${index}`), 'q"\n', "nul\u0000l", "ü"];
  const lines = all.map((each) => keptLine({ id: each }));
  writeFileSync(path, lines.join(""));
  expect(readPersonIds({ path, count: all.length }).size).toBe(all.length);
  await loadPersonIds(duckdb, { path, count: all.length });
  const [row] = await duckdb.rows(
    `SELECT count(DISTINCT id)::INTEGER AS ids, count_if(id IN (${all.slice(-3).map(literal).join(", ")}))::INTEGER AS odd
     FROM ids_of_person`,
  );
  expect(row).toEqual({ ids: all.length, odd: 3 });
  for (const [damaged, count] of [
    [lines.slice(1), all.length],
    [[lines.join("").replace("device 77", "device 78")], all.length],
    [[], 1],
  ] as const) {
    writeFileSync(path, damaged.join(""));
    expect(() => readPersonIds({ path, count })).toThrow(PersonIdsDamaged);
  }
  // A person without any anonymous id.
  writeFileSync(path, "");
  await duckdb.run("DROP TABLE ids_of_person");
  await loadPersonIds(duckdb, { path, count: 0 });
  expect(await duckdb.rows("FROM ids_of_person")).toEqual([]);
});
