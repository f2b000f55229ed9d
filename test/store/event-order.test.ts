/** The order of a segment's events, and the pieces in which they are sorted. */
import { expect, test } from "bun:test";
import { eventOrderOf } from "../../src/store/segment/event-order.ts";
import type { DuckDB } from "../../src/store/sql/duckdb.ts";
import { openDuckDB } from "../support/sealed.ts";

/** As many as are sorted in three pieces, and as many as in one. */
const [three, one] = [4_000_000, 250_000];

/** Enough that the sample of 2 percent always finds some; fewer than `three`, so that the test is quick. */
const made = 800_000;

/** SQL for the names and sessions of events, and the hours over which they are spread. */
type Made = { name: string; session: string; hours: number };

async function makeEvents(duckdb: DuckDB, { name, session, hours }: Made, events: number): Promise<void> {
  await duckdb.run(
    `CREATE TABLE events AS SELECT ${name} AS event_name, ${session} AS session_id,
       make_timestamptz((hash(range) % 1000)::BIGINT * ${hours * 3_600_000} + range) AS "timestamp"
     FROM range(${events})`,
  );
}

const kinds = {
  "many names and sessions": { name: "'n' || hash(range) % 11", session: "'s' || hash(range + 1) % 5000", hours: 100 },
  "one name, one session": { name: "'n'", session: "'s'", hours: 1 },
  "a session here and there": { name: "'it''s'", session: "if(range % 5 = 0, 's' || range % 7, NULL)", hours: 1 },
};

for (const [kind, how] of Object.entries(kinds))
  test(`pieces one after another are the events in their order: ${kind}`, async () => {
    using duckdb = await openDuckDB();
    await makeEvents(duckdb, how, made);
    const { by, pieces } = await eventOrderOf(duckdb, "events", three);
    expect(pieces.length).toBe(3);
    await duckdb.run("CREATE TABLE in_pieces AS FROM events LIMIT 0");
    for (const piece of pieces) await duckdb.run(`INSERT INTO in_pieces FROM events WHERE ${piece} ORDER BY ${by}`);
    await duckdb.run(`CREATE TABLE at_once AS FROM events ORDER BY ${by}`);
    const [found] = await duckdb.rows(
      `SELECT count(*)::DOUBLE AS events FROM in_pieces JOIN at_once ON in_pieces.rowid = at_once.rowid
       WHERE in_pieces."timestamp" = at_once."timestamp" AND in_pieces.event_name = at_once.event_name
         AND in_pieces.session_id IS NOT DISTINCT FROM at_once.session_id`,
    );
    expect(found?.["events"]).toBe(made);
    const largest = await duckdb.rows(
      `SELECT max(events)::DOUBLE AS events FROM (${pieces.map((piece) => `SELECT count(*) AS events FROM events WHERE ${piece}`).join(" UNION ALL ")})`,
    );
    expect(Number(largest[0]?.["events"])).toBeLessThan(0.6 * made);
  });

test("what fits one piece is not cut", async () => {
  using duckdb = await openDuckDB();
  await makeEvents(duckdb, { name: "'n'", session: "'s'", hours: 1 }, one);
  expect((await eventOrderOf(duckdb, "events", one)).pieces).toEqual(["true"]);
});
