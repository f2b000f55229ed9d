/** The catalog's macros: their numbers on small histories, and the funnel against one that tries every chain. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { eventColumns } from "../../src/event/columns.ts";
import { catalogStatements } from "../../src/store/catalog/views.ts";
import type { DuckDB } from "../../src/store/sql/duckdb.ts";
import { emptyQuery, listLiteral, literal } from "../../src/store/sql/literals.ts";
import { queryFile } from "../support/catalog.ts";
import { type NamedEvent, openDuckDB, sealedFolder } from "../support/sealed.ts";

const day = (date: number, name = "tested", client = "x"): NamedEvent => ({
  at: `2024-03-${String(date).padStart(2, "0")}T02:00:00Z`,
  name,
  client,
});

type Told = { name: string; second: number };

/** Events written as `name@second`. */
const told = (text: string): Told[] =>
  text.split(" ").map((word) => {
    const [name = "", second] = word.split("@");
    return { name, second: Number(second) };
  });

const newYork = ["SET TimeZone = 'America/New_York'"];

describe("top", () => {
  test("gives the most frequent values first, equal ones in their order, NULL as one of them", async () => {
    using sealed = await sealedFolder([
      [
        { at: "2024-01-01", page: "/b" },
        { at: "2024-01-01", page: "/a" },
        { at: "2024-01-01", page: "/c" },
        { at: "2024-01-01", page: "/c" },
        { at: "2024-01-01" },
      ],
    ]);
    const top = (arguments_: string) => queryFile(sealed.folder.catalog, `FROM top(${arguments_})`);
    expect(await top("page_url, 4")).toEqual([
      { value: "/c", events: "2" },
      { value: "/a", events: "1" },
      { value: "/b", events: "1" },
      { value: null, events: "1" },
    ]);
    expect(await top("page_url, 1")).toEqual([{ value: "/c", events: "2" }]);
    expect(await top("page_url IS NULL, 5")).toEqual([
      { value: false, events: "4" },
      { value: true, events: "1" },
    ]);
  });
});

describe("timeline", () => {
  test("counts events and sessions by days, weeks and months of UTC, wherever the reader is", async () => {
    using sealed = await sealedFolder([
      [
        { at: "2024-03-09T23:59:59.999999Z", session: "a" },
        { at: "2024-03-10T00:00:00Z", session: "a" },
        { at: "2024-03-10T12:00:00Z", session: "b" },
        { at: "2024-03-11T03:30:00Z" },
        { at: "1969-12-31T23:00:00Z", session: "old" },
      ],
    ]);
    const timeline = async (width: string) => {
      const sql = `SELECT epoch(bucket) AS bucket, events, sessions FROM timeline(${width})`;
      const rows = await queryFile(sealed.folder.catalog, sql, newYork);
      return rows.map(({ bucket, events, sessions }) => [
        new Date(Number(bucket) * 1000).toISOString().slice(0, 13),
        Number(events),
        Number(sessions),
      ]);
    };
    expect(await timeline("INTERVAL 1 DAY")).toEqual([
      ["1969-12-31T00", 1, 1],
      ["2024-03-09T00", 1, 1],
      ["2024-03-10T00", 2, 2],
      ["2024-03-11T00", 1, 0],
    ]);
    expect(await timeline("'1 week'")).toEqual([
      ["1969-12-29T00", 1, 1],
      ["2024-03-04T00", 3, 2],
      ["2024-03-11T00", 1, 0],
    ]);
    expect(await timeline("INTERVAL 1 MONTH")).toEqual([
      ["1969-12-01T00", 1, 1],
      ["2024-03-01T00", 4, 2],
    ]);
    expect((await timeline("INTERVAL 6 HOUR")).map(([bucket]) => bucket)).toContain("2024-03-09T18");
  });
});

describe("retention", () => {
  test("takes day, week and month, in any case, and refuses everything else by naming them, NULL too (B12)", async () => {
    for (const events of [[day(1)], []]) {
      using sealed = await sealedFolder([events]);
      const ask = (period: string) => queryFile(sealed.folder.catalog, `SELECT * FROM retention(${period})`);
      for (const period of ["'day'", "'week'", "'month'", "'Week'", "'MONTH'"])
        expect((await ask(period)).length).toBe(events.length);
      for (const period of ["'hour'", "'quarter'", "'year'", "'days'", "''", "NULL", "'week '"])
        await expect(ask(period)).rejects.toThrow("must be day, week or month");
    }
  });

  test("follows the clients of each period from their first event on", async () => {
    // x comes on Friday the 1st, twice; y on Saturday; z on Monday the 4th: a week of its own.
    using sealed = await sealedFolder([
      [day(1), day(1), day(2), day(4), day(2, "b", "y"), day(12, "b", "y")],
      [day(4, "c", "z"), { at: "2024-03-01T00:00:00Z" }],
    ]);
    const retention = async (period: string) => {
      const sql = `SELECT cohort::VARCHAR AS cohort, periods_later, clients, share FROM retention('${period}')`;
      const rows = await queryFile(sealed.folder.catalog, sql, newYork);
      return rows.map((row) =>
        Object.values(row).map((value) => (/^\d+$/.test(String(value)) ? Number(value) : value)),
      );
    };
    expect(await retention("day")).toEqual([
      ["2024-03-01", 0, 1, 1],
      ["2024-03-01", 1, 1, 1],
      ["2024-03-01", 3, 1, 1],
      ["2024-03-02", 0, 1, 1],
      ["2024-03-02", 10, 1, 1],
      ["2024-03-04", 0, 1, 1],
    ]);
    expect(await retention("week")).toEqual([
      ["2024-02-26", 0, 2, 1],
      ["2024-02-26", 1, 1, 0.5],
      ["2024-02-26", 2, 1, 0.5],
      ["2024-03-04", 0, 1, 1],
    ]);
    expect(await retention("month")).toEqual([["2024-03-01", 0, 3, 1]]);
    await expect(retention("fortnight")).rejects.toThrow("fortnight");
  });
});

describe("funnel", () => {
  const table = [
    { what: "in order", session: "a@1 b@2 c@3", steps: ["a", "b", "c"], depth: 3 },
    { what: "out of order", session: "c@1 b@2 a@3", steps: ["a", "b", "c"], depth: 1 },
    { what: "without the first", session: "b@1 c@2", steps: ["a", "b", "c"], depth: 0 },
    { what: "with others between", session: "a@1 x@2 a@3 b@4 x@5 c@6", steps: ["a", "b", "c"], depth: 3 },
    { what: "just within", session: "a@0 b@10", steps: ["a", "b"], depth: 2 },
    { what: "just past", session: "a@0 b@10.001", steps: ["a", "b"], depth: 1 },
    {
      what: "counted from the first, not from the one before",
      session: "a@0 b@6 c@12",
      steps: ["a", "b", "c"],
      depth: 2,
    },
    { what: "from a later start", session: "a@0 b@6 a@7 b@8 c@12", steps: ["a", "b", "c"], depth: 3 },
    { what: "a later start spoils nothing", session: "a@0 b@6 a@7 c@9", steps: ["a", "b", "c"], depth: 3 },
    { what: "one event is not two steps", session: "a@1", steps: ["a", "a"], depth: 1 },
    { what: "a repeated name", session: "a@1 b@2 a@3", steps: ["a", "b", "a"], depth: 3 },
    { what: "a repeated name, twice at once", session: "a@1 a@1", steps: ["a", "a"], depth: 2 },
    { what: "at one instant, in any order", session: "c@1 b@1 a@1", steps: ["a", "b", "c"], depth: 3 },
  ] as const;

  test("counts each session as deep as it came", async () => {
    using duckdb = await catalogOfTold();
    for (const { what, session, steps, depth } of table) {
      await tell(duckdb, [told(session)]);
      const rows = await duckdb.rows(`FROM funnel(${listLiteral(steps)}, INTERVAL 10 SECOND)`);
      expect({ what, reached: rows.map(({ sessions }) => Number(sessions)) }).toEqual({
        what,
        reached: steps.map((_, index) => (index < depth ? 1 : 0)),
      });
    }
  });

  test("tells shares of the first and of the previous step, and leaves events without a session out", async () => {
    const events = ["a@1 b@2 c@3", "a@1 b@2", "a@1", "a@1", "b@2"].flatMap((session, index) =>
      told(session).map(({ name, second }) => ({ name, session: String(index), at: `1970-01-01T00:00:0${second}Z` })),
    );
    using sealed = await sealedFolder([events.slice(0, 4), [...events.slice(4), { name: "a", at: "1970-01-01" }]]);
    const rows = await queryFile(sealed.folder.catalog, "FROM funnel(['a', 'b', 'c', 'd', 'a'], '1 hour')", newYork);
    expect(rows).toEqual([
      { step: "1", event_name: "a", sessions: "4", of_first: 1, of_previous: 1 },
      { step: "2", event_name: "b", sessions: "2", of_first: 0.5, of_previous: 0.5 },
      { step: "3", event_name: "c", sessions: "1", of_first: 0.25, of_previous: 0.5 },
      { step: "4", event_name: "d", sessions: "0", of_first: 0, of_previous: 0 },
      { step: "5", event_name: "a", sessions: "0", of_first: 0, of_previous: null },
    ]);
  });

  test("agrees with one that tries every chain", async () => {
    using duckdb = await catalogOfTold();
    const name = fc.constantFrom("a", "b", "c");
    const session = fc.array(fc.record({ name, second: fc.nat(12) }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(session, { minLength: 1, maxLength: 12 }),
        fc.array(name, { minLength: 1, maxLength: 4 }),
        fc.nat(8),
        async (sessions, steps, within) => {
          await tell(duckdb, sessions);
          const rows = await duckdb.rows(`FROM funnel(${listLiteral(steps)}, INTERVAL ${within} SECOND)`);
          const depths = sessions.map((events) => depthOf(events, { steps, within }));
          expect(rows.map((row) => Number(row["sessions"]))).toEqual(
            steps.map((_, index) => depths.filter((depth) => depth > index).length),
          );
        },
      ),
      { numRuns: 150 },
    );
  });
});

/** A catalog over what `tell` tells last. */
async function catalogOfTold(): Promise<DuckDB> {
  const duckdb = await openDuckDB();
  await duckdb.run(`CREATE TABLE told AS ${emptyQuery(eventColumns)}`);
  const none = {
    segments: [],
    watermarks: [],
    erasures: [],
    refusedFiles: [],
    typedEvents: [],
    version: 1,
    publishedAtMs: 0,
  };
  for (const statement of catalogStatements({ root: "nowhere", unsealed: "FROM told", ...none }))
    await duckdb.run(statement);
  return duckdb;
}

/** Makes these sessions all that there is. */
async function tell(duckdb: DuckDB, sessions: readonly (readonly Told[])[]): Promise<void> {
  const rows = sessions.flatMap((events, index) =>
    events.map(({ name, second }) => `(${literal(name)}, to_timestamp(${second}), ${literal(String(index))})`),
  );
  await duckdb.run("DELETE FROM told");
  await duckdb.run(
    `INSERT INTO told BY NAME FROM (VALUES ${rows.join(", ")}) AS row(event_name, "timestamp", session_id)`,
  );
}

/** The most steps that any chain of events makes: every start, every continuation. */
function depthOf(events: readonly Told[], { steps, within }: { steps: readonly string[]; within: number }): number {
  const ordered = [...events].sort((a, b) => a.second - b.second || steps.indexOf(a.name) - steps.indexOf(b.name));
  const longest = (after: number, depth: number, start: number | undefined): number =>
    Math.max(
      depth,
      ...ordered.map(({ name, second }, index) =>
        index > after && name === steps[depth] && second <= (start ?? second) + within
          ? longest(index, depth + 1, start ?? second)
          : 0,
      ),
    );
  return longest(-1, 0, undefined);
}
