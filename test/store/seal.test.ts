import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sequence, shardId } from "../../src/base/brand.ts";
import { dataFolder } from "../../src/store/folder/names.ts";
import { sealSegment } from "../../src/store/segment/segment.ts";
import { DuckDB } from "../../src/store/sql/duckdb.ts";
import { linesOf, rowAt, temporaryFolder } from "../support/rows.ts";

/** Bytes that this process has handed to the system to be written. */
const writtenBytes = () => Number(/^wchar: (\d+)$/m.exec(readFileSync("/proc/self/io", "utf8"))?.[1]);

test.skipIf(process.platform !== "linux").each([3_000, 10_000])(
  "a flush of %d events writes them into the segment and nowhere else",
  async (events) => {
    using place = temporaryFolder();
    const folder = dataFolder(place.path);
    mkdirSync(folder.segments, { recursive: true });
    const journal = join(place.path, "lines.ndjson");
    const row = rowAt(0, { properties: { text: "written once ".repeat(20) } });
    const { lines } = linesOf(Array.from({ length: events }, () => row));
    writeFileSync(journal, lines);
    using duckdb = await DuckDB.open({ threads: 1, memoryMiB: 128 });
    const range = { shard: shardId(0), from: sequence(1), to: sequence(events) };
    const source = { ...range, rows: events, files: [journal], lineBytesMax: lines.byteLength / events, clientIds: 0 };
    const before = writtenBytes();
    const { file } = await sealSegment(duckdb, folder, source);
    // DuckDB's log would have all events, uncompressed: 260 bytes of `properties` alone for each.
    expect(writtenBytes() - before).toBeLessThan(statSync(join(folder.segments, file)).size + 200_000);
  },
);
