import { expect, test } from "bun:test";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sequence, shardId } from "../../src/base/brand.ts";
import { type DataFolder, dataFolder } from "../../src/store/folder/names.ts";
import { checksumFault, KnownSegments } from "../../src/store/segment/known.ts";
import { sealSegment } from "../../src/store/segment/segment.ts";
import { readSummary } from "../../src/store/segment/summary.ts";
import { DuckDB } from "../../src/store/sql/duckdb.ts";
import { linesOf, rowAt, temporaryFolder } from "../support/rows.ts";

async function sealOne(duckdb: DuckDB, folder: DataFolder, rows: number) {
  mkdirSync(folder.segments, { recursive: true });
  const journal = join(folder.root, "lines.ndjson");
  const { lines } = linesOf(Array.from({ length: rows }, (_, index) => rowAt(index)));
  writeFileSync(journal, lines);
  const range = { shard: shardId(0), from: sequence(1), to: sequence(rows) };
  const source = { ...range, rows, files: [journal], lineBytesMax: lines.byteLength, clientIds: 2 };
  const segment = await sealSegment(duckdb, folder, source);
  return { segment, path: join(folder.segments, segment.file) };
}

test("what a seal tells of its segment is what a reader of the file finds", async () => {
  using place = temporaryFolder();
  const folder = dataFolder(place.path);
  using duckdb = await DuckDB.open({ threads: 1, memoryMiB: 128 });
  const { segment, path } = await sealOne(duckdb, folder, 5);
  expect(segment.bytes).toBe(statSync(path).size);
  expect(segment.summary).toEqual(await readSummary(duckdb, path));
  expect(segment.summary).toMatchObject({ events: 5, clientIds: 2, isFinal: false });
  expect(await new KnownSegments(folder).list(duckdb)).toEqual([segment]);
});

test("a segment that was added is not opened again", async () => {
  using place = temporaryFolder();
  const folder = dataFolder(place.path);
  using duckdb = await DuckDB.open({ threads: 1, memoryMiB: 128 });
  const { segment } = await sealOne(duckdb, folder, 5);
  // Not what its file says.
  const told = { ...segment, summary: { ...segment.summary, clientIds: 7 } };
  const known = new KnownSegments(folder);
  known.add(told);
  expect(await known.list(duckdb)).toEqual([told]);
  expect(await known.list(duckdb)).toEqual([told]);
});

test("a segment that is damaged after its seal is left out and named", async () => {
  using place = temporaryFolder();
  const folder = dataFolder(place.path);
  using duckdb = await DuckDB.open({ threads: 1, memoryMiB: 128 });
  const { segment, path } = await sealOne(duckdb, folder, 5);
  const known = new KnownSegments(folder);
  known.add(segment);
  writeFileSync(path, Buffer.alloc(segment.bytes + 1));
  expect(await known.list(duckdb)).toEqual([]);
  expect(known.unreadable).toMatchObject([{ file: segment.file, why: checksumFault }]);
});
