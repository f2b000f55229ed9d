/** The catalog's macros: their numbers on small histories. */
import { describe, expect, test } from "bun:test";
import { queryFile } from "../support/catalog.ts";
import { sealedFolder } from "../support/sealed.ts";

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
  test("counts by days, weeks and months of UTC, wherever the reader is, and shows those without events", async () => {
    using sealed = await sealedFolder([
      [
        { at: "2024-03-07T23:59:59.999999Z", session: "a" },
        { at: "2024-03-08T00:00:00Z", session: "a" },
        { at: "2024-03-08T12:00:00Z", session: "b", client: "c" },
        { at: "2024-03-11T03:30:00Z" },
        { at: "2024-01-31T23:00:00Z", session: "old" },
      ],
    ]);
    const timeline = async (width: string) => {
      const sql = `SELECT epoch(bucket) AS bucket, events, sessions, people FROM timeline(${width})`;
      const rows = await queryFile(sealed.folder.catalog, sql, newYork);
      return rows.map(({ bucket, events, sessions, people }) => [
        new Date(Number(bucket) * 1000).toISOString().slice(0, 13),
        ...[events, sessions, people].map(Number),
      ]);
    };
    const days = await timeline("INTERVAL 1 DAY");
    expect(days.length).toBe(41);
    expect([days[0], days[1], ...days.slice(-5)]).toEqual([
      ["2024-01-31T00", 1, 1, 0],
      ["2024-02-01T00", 0, 0, 0],
      ["2024-03-07T00", 1, 1, 0],
      ["2024-03-08T00", 2, 2, 1],
      ["2024-03-09T00", 0, 0, 0],
      ["2024-03-10T00", 0, 0, 0],
      ["2024-03-11T00", 1, 0, 0],
    ]);
    expect((await timeline("'1 week'")).filter(([, events]) => events !== 0)).toEqual([
      ["2024-01-29T00", 1, 1, 0],
      ["2024-03-04T00", 3, 2, 1],
      ["2024-03-11T00", 1, 0, 0],
    ]);
    expect(await timeline("INTERVAL 1 MONTH")).toEqual([
      ["2024-01-01T00", 1, 1, 0],
      ["2024-02-01T00", 0, 0, 0],
      ["2024-03-01T00", 4, 2, 1],
    ]);
    expect((await timeline("INTERVAL 6 HOUR")).map(([bucket]) => bucket)).toContain("2024-03-07T18");
  });
});
