import { expect, test } from "bun:test";
import { jsonExpression } from "../../src/query/json-sql.ts";
import { DuckDB } from "../../src/store/sql/duckdb.ts";

/** What is written for each of these SQL expressions, all of one type. */
async function written(values: readonly string[], type: string, isUtc = true): Promise<unknown[]> {
  using duckdb = await DuckDB.open({ threads: 1, memoryMiB: 128 });
  if (!isUtc) await duckdb.run("SET TimeZone = 'Asia/Kolkata'");
  const rows = values.map((value, index) => `(${index}, (${value})::${type})`).join(", ");
  await duckdb.run(`CREATE TABLE t AS SELECT * FROM (VALUES ${rows}) AS v(i, x)`);
  const [, column] = (await duckdb.result("FROM t LIMIT 0")).columnTypes();
  if (column === undefined) throw new Error("no column");
  const told = await duckdb.rows(`SELECT ${jsonExpression(column, "x", { isUtc })} AS json FROM t ORDER BY i`);
  return told.map(({ json }) => json);
}

const times = {
  "'2026-11-27 07:00:00.000001+00'": '"2026-11-27T07:00:00.000001Z"',
  "'1969-12-31 23:59:59.999999+00'": '"1969-12-31T23:59:59.999999Z"',
  "'0001-01-01 00:00:00+00'": '"0001-01-01T00:00:00.000000Z"',
  "'9999-12-31 23:59:59.999999+00'": '"9999-12-31T23:59:59.999999Z"',
  "'10000-01-01 00:00:00+00'": '"10000-01-01 00:00:00+00"',
  "'0044-03-15 (BC) 00:00:00+00'": '"0044-03-15 (BC) 00:00:00+00"',
  "'infinity'": '"infinity"',
  "'-infinity'": '"-infinity"',
  NULL: "null",
};

test("a time is ISO 8601 to the microsecond, or DuckDB's own where ISO 8601 has no such time", async () => {
  expect(await written(Object.keys(times), "TIMESTAMPTZ")).toEqual(Object.values(times));
});

test("in another time zone a time has its offset", async () => {
  expect(await written(["'2026-11-27 07:00:00.5+00'", "'0044-03-15 (BC) 00:00:00+00'"], "TIMESTAMPTZ", false)).toEqual([
    '"2026-11-27T12:30:00.500000+05:30"',
    expect.stringContaining("(BC)"),
  ]);
});

const jsons = {
  '{"price":1.50,"big":9007199254740993}': '{"price":1.50,"big":9007199254740993}',
  '{"name":"Nancy","of":"infinity","q":"\\"NaN"}': '{"name":"Nancy","of":"infinity","q":"\\"NaN"}',
  '{"a":NaN}': '"{\\"a\\":NaN}"',
  '{"a":-Infinity,"İ":"nan"}': '"{\\"a\\":-Infinity,\\"İ\\":\\"nan\\"}"',
  '{\n"a":\r1}': '{ "a": 1}',
  '"a\\nb"': '"a\\nb"',
};

test("JSON keeps every character, on one line, and is a string where other readers would not accept it", async () => {
  const sql = Object.keys(jsons).map((json) => `'${json}'`);
  expect(await written([...sql, "NULL"], "JSON")).toEqual([...Object.values(jsons), "null"]);
});
