/** What a failure of DuckDB means is decided by what DuckDB says first, asked of DuckDB itself. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DuckDB } from "../../src/store/sql/duckdb.ts";
import { duckdbFailureOf } from "../../src/store/sql/failures.ts";
import { temporaryFolder } from "../support/rows.ts";

test("each failure has its meaning, whatever words a client or a line adds", async () => {
  using place = temporaryFolder();
  using duckdb = await DuckDB.open({ threads: 1, memoryMiB: 32 });
  const lines = join(place.path, "lines.ndjson");
  writeFileSync(lines, '{"id":"No such file: Too many open files"}\n{"id":"\\ud800 Broken pipe"}\n');
  const other = join(place.path, "other.duckdb");
  writeFileSync(other, "not a database".repeat(1_000));
  const columns = "columns = {id: 'UUID'}, format = 'newline_delimited'";
  for (const [statement, meaning] of [
    ["SELEC 1", "statement"],
    ["SELECT nowhere", "statement"],
    ["FROM nowhere", "statement"],
    ["SELECT 'x'::INTEGER", "data"],
    ["SELECT 200::TINYINT", "data"],
    ["SELECT error('No such file: Too many open files: has been invalidated: Broken pipe')", "data"],
    [`FROM read_json('${lines}', ${columns})`, "data"],
    [`FROM read_duckdb(['${place.path}/gone.duckdb'], table_name = 'events')`, "gone"],
    [`ATTACH '${place.path}/gone.duckdb' AS gone (READ_ONLY)`, "gone"],
    [`ATTACH '${other}' AS other (READ_ONLY)`, "io"],
    ["SELECT count(DISTINCT (range, range + 1, range + 2)) FROM range(3000000)", "memory"],
  ] as const) {
    const failed = await duckdb.run(statement).catch((error: unknown) => error);
    expect([statement, failed instanceof Error, duckdbFailureOf(failed)]).toEqual([statement, true, meaning]);
  }
  const noMemory =
    'IO Error: Checkpoint failed for database "segment". Original error: Failed to allocate (bad allocation)';
  expect(duckdbFailureOf(new Error(noMemory))).toBe("memory");
  expect(duckdbFailureOf(new Error("of our own"))).toBeUndefined();
});
