/** Strings come from DuckDB as they are, character by character. */
import { expect, test } from "bun:test";
import { DuckDBListValue, DuckDBMapValue, DuckDBStructValue } from "@duckdb/node-api";
import { DuckDB } from "../../src/store/sql/duckdb.ts";

const mark = "\ufeff";
const long = `${mark}more than the twelve bytes that stand in the vector itself`;

const query = `SELECT '${mark}' AS alone, '${mark}${mark}ab' AS twice, '${long}' AS long,
  ['${mark}', NULL] AS list, {'${mark}k': '${mark}v'} AS struct, MAP {'${mark}k': ['${mark}v']} AS map,
  array_value('${mark}') AS array, union_value(s := '${mark}') AS one, '${mark}'::VARCHAR::VARIANT AS variant,
  '${mark}'::ENUM ('${mark}') AS enum, 1 AS "${mark}name"`;

const wanted = {
  alone: mark,
  twice: `${mark}${mark}ab`,
  long,
  list: [mark, null],
  struct: { [`${mark}k`]: `${mark}v` },
  map: [{ key: `${mark}k`, value: [`${mark}v`] }],
  array: [mark],
  one: { tag: "s", value: mark },
  variant: mark,
  enum: mark,
  [`${mark}name`]: 1,
};

test("a first U+FEFF stays in every string of a result, also within values, in keys and in names", async () => {
  using duckdb = await DuckDB.open({ threads: 1, memoryMiB: 256 });
  expect(await duckdb.rows(query)).toEqual([wanted]);
});

test("a first U+FEFF stays in rows that are streamed, and in a whole result", async () => {
  using duckdb = await DuckDB.open({ threads: 1, memoryMiB: 256 });
  const sql = `SELECT alone, long, list, struct, map FROM (${query})`;
  const row = [
    wanted.alone,
    wanted.long,
    new DuckDBListValue([mark, null]),
    new DuckDBStructValue({ [`${mark}k`]: `${mark}v` }),
    new DuckDBMapValue([{ key: `${mark}k`, value: new DuckDBListValue([`${mark}v`]) }]),
  ];
  for await (const chunk of duckdb.chunks(sql)) expect(chunk.getRows()).toEqual([row]);
  expect(await (await duckdb.result(sql)).getRows()).toEqual([row]);
});
