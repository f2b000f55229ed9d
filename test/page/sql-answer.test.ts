/** What the SQL view makes of an answer: rows read up to a bound, plots, and queries that the browser keeps. */
import { describe, expect, test } from "bun:test";
import { type Answer, cellsOf, readAnswer, textOf } from "../../src/page/editor/answer.ts";
import { plotData, suggestedPlot } from "../../src/page/editor/plot-choice.ts";
import {
  fileOfQueries,
  importQueries,
  NotSavedQueries,
  pastQueries,
  rememberQuery,
  removeQuery,
  savedQueries,
  saveQuery,
} from "../../src/page/editor/saved.ts";
import { fullText } from "../../src/page/editor/values.ts";
import { fc } from "../support/property.ts";

const unbounded = { rowsMax: 1e9, charactersMax: 1e9 };

/** An answer as the service writes it. */
function answerText(columns: readonly { name: string; type: string }[], rows: readonly unknown[][]): string {
  const lines = rows.map((row) => JSON.stringify(row)).join(",\n");
  return `{"columns":${JSON.stringify(columns)},"rows":[\n${lines}${rows.length === 0 ? "" : "\n"}],"row_count":${rows.length}}\n`;
}

/** Its bytes, cut at these places; `reads` counts the pieces that were asked for. */
async function* piecesOf(text: string, cuts: readonly number[], reads = { count: 0 }): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  for (const [index, place] of places.slice(1).entries()) {
    reads.count++;
    yield bytes.subarray(places[index], place);
  }
}

describe("an answer", () => {
  test("comes back value by value, in whatever pieces its bytes come", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(fc.jsonValue(), { minLength: 1 })), fc.array(fc.nat()), async (rows, cuts) => {
        const columns = [{ name: 'a "b"\n', type: "STRUCT(a VARCHAR)" }];
        const answer = await readAnswer(piecesOf(answerText(columns, rows), cuts), unbounded);
        expect(answer.end).toBe("whole");
        expect(answer.columns).toEqual(columns);
        expect(answer.rows.map((row) => row.map((cell) => JSON.parse(cell)))).toEqual(JSON.parse(JSON.stringify(rows)));
      }),
    );
  });

  test("is read no further than its bound", async () => {
    const rows = Array.from({ length: 1000 }, (_, index) => [index]);
    const text = answerText([{ name: "n", type: "BIGINT" }], rows);
    const cuts = rows.map((_, index) => index * 4);
    for (const bounds of [
      { ...unbounded, rowsMax: 10 },
      { ...unbounded, charactersMax: 60 },
    ]) {
      const reads = { count: 0 };
      const answer = await readAnswer(piecesOf(text, cuts, reads), bounds);
      expect(answer.end).toBe("cut");
      expect(answer.rows.length).toBeLessThan(20);
      expect(reads.count).toBeLessThan(60);
    }
    expect((await readAnswer(piecesOf(text, []), { ...unbounded, rowsMax: 1000 })).end).toBe("whole");
  });

  test("that breaks off keeps what came, and says so; one that was stopped does not", async () => {
    const text = answerText([{ name: "n", type: "BIGINT" }], [[1], [2], [3]]);
    expect(await readAnswer(piecesOf(text.slice(0, -25), []), unbounded)).toMatchObject({ end: "broken" });
    async function* failing(error: Error) {
      yield* piecesOf(text.slice(0, text.indexOf("[2]")), []);
      throw error;
    }
    expect(await readAnswer(failing(new TypeError("network error")), unbounded)).toMatchObject({
      end: "broken",
      rows: [["1"]],
    });
    await expect(readAnswer(failing(new DOMException("stopped", "AbortError")), unbounded)).rejects.toThrow("stopped");
  });

  test("keeps the digits of its numbers, and NULL is no string", () => {
    expect(cellsOf('[9007199254740993,1.50,"a,]\\"",null,{"a":[1,2]},"null"],').map(textOf)).toEqual([
      "9007199254740993",
      "1.50",
      'a,]"',
      undefined,
      '{"a":[1,2]}',
      "null",
    ]);
  });
});

test("a value in full has JSON on lines of its own, and the digits that were sent", () => {
  const full = (cell: string, type = "JSON") => fullText(cell, { name: "v", type }, "Europe/Berlin");
  expect(full('{"a": [1, " b "]}')).toBe('{\n  "a": [\n    1,\n    " b "\n  ]\n}');
  expect(full('{"a":9007199254740993}')).toBe('{"a":9007199254740993}');
  expect(full('{"a":1.50}')).toBe('{"a":1.50}');
  expect(full('"two\\nlines"', "VARCHAR")).toBe("two\nlines");
  expect(full("null")).toBeUndefined();
  expect(full('"2026-07-01T22:30:00.250000Z"', "TIMESTAMP WITH TIME ZONE")).toBe("2026-07-02 00:30:00.25");
});

const hours = (rows: readonly (readonly string[])[]): Answer => ({
  columns: [
    { name: "hour", type: "TIMESTAMP WITH TIME ZONE" },
    { name: "category", type: "ENUM('a', 'b')" },
    { name: "events", type: "HUGEINT" },
  ],
  rows,
  end: "whole",
});

describe("a plot", () => {
  test("shows numbers over the first time column, in the order of time", () => {
    const answer = hours([
      ['"2026-11-01T02:00:00.000000Z"', '"a"', "5"],
      ['"2026-11-01T01:00:00.000000+01:00"', '"b"', "3"],
      ["null", '"a"', "100"],
    ]);
    const choice = suggestedPlot(answer);
    expect(choice).toEqual({ x: 0, y: [2], splitBy: undefined });
    if (choice === undefined) return;
    expect(plotData(answer, choice)).toEqual({
      isTime: true,
      x: [Date.parse("2026-11-01T00:00Z"), Date.parse("2026-11-01T02:00Z")],
      series: [{ label: "events", values: [3, 5] }],
      seriesLeftOut: 0,
    });
  });

  test("has a line for each value of a column, where times occur several times, the largest first", () => {
    const names = Array.from({ length: 10 }, (_, index) => index);
    const rows = names.flatMap((name) =>
      ["01", "02"].map((hour) => [`"2026-11-01T${hour}:00:00Z"`, `"n${name}"`, String(name)]),
    );
    const choice = suggestedPlot(hours(rows.slice(0, -1)));
    expect(choice).toEqual({ x: 0, y: [2], splitBy: 1 });
    if (choice === undefined) return;
    const { series, seriesLeftOut } = plotData(hours(rows.slice(0, -1)), choice);
    expect(seriesLeftOut).toBe(2);
    expect(series[0]).toEqual({ label: "n8", values: [8, 8] });
    expect(series[4]).toEqual({ label: "n9", values: [9, null] });
  });

  test("is not suggested without time, numbers and two rows", () => {
    expect(suggestedPlot(hours([['"2026-11-01T02:00:00Z"', '"a"', "5"]]))).toBeUndefined();
    expect(
      suggestedPlot({ columns: [{ name: "n", type: "INTEGER" }], rows: [["1"], ["2"]], end: "whole" }),
    ).toBeUndefined();
  });

  test("reads each way in which the service writes a time", () => {
    const column = { name: "t", type: "TIMESTAMP" };
    const value = { name: "n", type: "DOUBLE" };
    const times = ["2026-11-01", "2026-11-01 01:00:00", "2026-11-01 03:00:00.5+01", "2026-11-01T03:00:00Z"];
    const rows = times.map((time) => [JSON.stringify(time), '"NaN"']);
    const { x } = plotData({ columns: [column, value], rows, end: "whole" }, { x: 0, y: [1], splitBy: undefined });
    const start = Date.parse("2026-11-01T00:00Z");
    expect(x).toEqual([start, start + 3_600_000, start + 7_200_500, start + 10_800_000]);
  });
});

const emptyShelf = () => {
  const kept = new Map<string, string>();
  return {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  };
};

describe("saved queries", () => {
  test("go into a file and come back from it; a taken name gets a number", () => {
    const shelf = emptyShelf();
    saveQuery(shelf, { name: "b", sql: "SELECT 2" });
    saveQuery(shelf, { name: "a", sql: "SELECT 1" });
    saveQuery(shelf, { name: "a", sql: "SELECT '1'" });
    const file = fileOfQueries(savedQueries(shelf));
    const other = emptyShelf();
    saveQuery(other, { name: "a", sql: "SELECT 3" });
    expect(importQueries(other, file).added).toBe(2);
    expect(importQueries(other, fileOfQueries(savedQueries(other))).added).toBe(0);
    expect(savedQueries(other)).toEqual([
      { name: "a", sql: "SELECT 3" },
      { name: "a (2)", sql: "SELECT '1'" },
      { name: "b", sql: "SELECT 2" },
    ]);
    expect(removeQuery(other, "a").map(({ name }) => name)).toEqual(["a (2)", "b"]);
  });

  test("a file of something else is refused, and changes nothing", () => {
    const shelf = emptyShelf();
    for (const file of ["", "nonsense", "[]", '{"millrace_queries":[{"name":"a"}]}', '{"queries":[]}'])
      expect(() => importQueries(shelf, file)).toThrow(NotSavedQueries);
    expect(savedQueries(shelf)).toEqual([]);
  });

  test("what stands in the browser's storage may be anything", () => {
    for (const text of ["{", "null", "[1, null]", '{"name":"a"}', '[{"name":1,"sql":"a"}]']) {
      const shelf = { getItem: () => text, setItem: () => undefined };
      expect([savedQueries(shelf), pastQueries(shelf)]).toEqual([[], []]);
    }
  });

  test("the last fifty queries are remembered, each once", () => {
    const shelf = emptyShelf();
    for (let number = 0; number < 60; number++) rememberQuery(shelf, { sql: `SELECT ${number}`, at: "" });
    const past = rememberQuery(shelf, { sql: "SELECT 30", at: "now" });
    expect(past).toHaveLength(50);
    expect(past.filter(({ sql }) => sql === "SELECT 30")).toEqual([{ sql: "SELECT 30", at: "now" }]);
    expect(past[0]?.at).toBe("now");
  });
});
