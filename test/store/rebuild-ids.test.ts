/** Ids that the logs have lost come back from the segments, once. */
import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sequence, shardId } from "../../src/base/brand.ts";
import { type DataFolder, dataFolder } from "../../src/store/folder/names.ts";
import { rebuildIds } from "../../src/store/ids/rebuild.ts";
import { sealSegment } from "../../src/store/segment/segment.ts";
import { DuckDB } from "../../src/store/sql/duckdb.ts";
import { linesOf, rowAt, temporaryFolder } from "../support/rows.ts";

/** Seals events `from` to `to` of a shard, each with an id of its client. */
async function seal(duckdb: DuckDB, folder: DataFolder, { shard, from, to }: Record<"shard" | "from" | "to", number>) {
  const journal = join(folder.root, "lines.ndjson");
  const idOf = (nth: number) => `00000000-0000-4000-8${shard}00-${String(nth).padStart(12, "0")}`;
  const numbers = Array.from({ length: to - from + 1 }, (_, index) => from + index);
  const { lines, rows } = linesOf(numbers.map((nth) => rowAt(nth * 1000, { event_id: idOf(nth) })));
  writeFileSync(journal, lines);
  const range = { shard: shardId(shard), from: sequence(from), to: sequence(to) };
  const source = { ...range, rows, files: [journal], lineBytesMax: lines.byteLength, clientIds: rows };
  return await sealSegment(duckdb, folder, source);
}

test("a folder whose ids came back from several shards needs no second look, also after merges", async () => {
  using place = temporaryFolder();
  const folder = dataFolder(place.path);
  for (const path of [folder.segments, folder.ids]) mkdirSync(path, { recursive: true });
  using duckdb = await DuckDB.open({ threads: 1, memoryMiB: 128 });
  const rebuilt = (segments: Parameters<typeof rebuildIds>[2]["segments"]) =>
    rebuildIds(duckdb, folder, { segments, idsMax: 4, isComplete: true });
  const sealAll = async (ranges: readonly Parameters<typeof seal>[2][]) => {
    const sealed: Awaited<ReturnType<typeof seal>>[] = [];
    for (const range of ranges) sealed.push(await seal(duckdb, folder, range));
    return sealed;
  };
  const parts = await sealAll([0, 1].flatMap((shard) => [1, 4].map((from) => ({ shard, from, to: from + 2 }))));
  // Of each shard as many as its own log keeps.
  expect(await rebuilt(parts)).toEqual({ ids: 8, mended: [] });
  expect(readdirSync(folder.ids)).toHaveLength(2);
  const merged = await sealAll([0, 1].map((shard) => ({ shard, from: 1, to: 6 })));
  // Without their files, nobody can look into them.
  rmSync(folder.segments, { recursive: true });
  for (const segments of [parts, merged]) expect(await rebuilt(segments)).toEqual({ ids: 0, mended: [] });
  expect(readdirSync(folder.ids)).toHaveLength(2);
});
