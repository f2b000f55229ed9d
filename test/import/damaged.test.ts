/** A file that is cut off or damaged is refused whole; nobody knows what is missing of it. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { DuckDB } from "../../src/store/sql/duckdb.ts";
import { checked, place, valuesOf } from "./files.ts";

const csv = `event_name,page_url\n${Array.from({ length: 5_000 }, (_, index) => `event ${index},${Math.sin(index)}\n`).join("")}`;

test("a packed file is read whole: members one after another, zeros behind them, whatever its name says", async () => {
  using files = place();
  const packed = Buffer.concat([gzipSync(csv.slice(0, 40_000)), gzipSync(csv.slice(40_000)), Buffer.alloc(700)]);
  for (const name of ["a.csv.gz", "b.csv"]) expect(await valuesOf(files.file(name, packed))).toHaveLength(5_000);
  expect(await checked([files.file("c.csv.gz", csv)])).toBe(
    "c.csv.gz: is damaged or cut off (gzip: incorrect header check)",
  );
});

test("a packed file that is cut off anywhere is refused, its last eight bytes too", async () => {
  using files = place();
  const packed = gzipSync(csv);
  for (let cut = 1; cut <= 24; cut++)
    expect(await checked([files.file("a.csv.gz", packed.subarray(0, -cut))])).toContain("is damaged or cut off");
  for (const share of [0.1, 0.5, 0.9])
    expect(await checked([files.file("a.csv.gz", packed.subarray(0, packed.length * share))])).toContain("cut off");
});

test("a flipped bit and anything behind the end are refused, also where bad rows are skipped", async () => {
  using files = place();
  const packed = gzipSync(csv);
  const options = { skipBadTo: `${files.path}/bad.ndjson` };
  for (const at of [packed.length >> 1, packed.length - 5, packed.length - 1]) {
    const flipped = Buffer.from(packed);
    flipped.writeUInt8(flipped.readUInt8(at) ^ 4, at);
    expect(await checked([files.file("a.csv.gz", flipped)], options)).toBeString();
  }
  const tail = (text: string) => files.file("a.csv.gz", Buffer.concat([packed, Buffer.from(text)]));
  expect(await checked([tail("garbage")], options)).toContain("is damaged or cut off");
  expect(await checked([tail("\0\0garbage")], options)).toContain("something that is not gzip behind its end");
});

test("a damaged page of a Parquet file, in its last rows, is told with the row", async () => {
  using files = place();
  const path = `${files.path}/a.parquet`;
  using duckdb = await DuckDB.open({ threads: 1, memoryMiB: 512 });
  await duckdb.run(
    `COPY (SELECT 'event ' || range AS event_name, md5(range::VARCHAR) AS page_url FROM range(60000))
     TO '${path}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 10000)`,
  );
  const pages = await duckdb.rows(
    `SELECT data_page_offset::DOUBLE AS begins FROM parquet_metadata('${path}') WHERE path_in_schema = 'page_url' ORDER BY begins`,
  );
  const bytes = readFileSync(path);
  const last = Number(pages.at(-1)?.["begins"]);
  bytes.fill(0xff, last, last + 200);
  const outcome = await checked([files.file("a.parquet", bytes)]);
  expect(outcome).toMatch(/^a\.parquet: cannot be read past row \d+: /);
  expect(outcome).not.toContain("SELECT");
  expect(await checked([files.file("a.parquet", bytes.subarray(0, 1000))])).toContain(
    "a.parquet: cannot be read past row 0",
  );
  expect(await checked([files.file("a.parquet", "event_name\nx\n")])).toContain("a.parquet: is not a Parquet file");
});

test.each([
  ["a.csv", Buffer.from("\ufeffevent_name\nx\n", "utf16le"), "a.csv: is UTF-16"],
  ["a.ndjson.zst", "x", "a.ndjson.zst: is packed with zstd"],
  ["a.csv", Buffer.from("28b52ffd00", "hex"), "a.csv: is packed with zstd"],
  ["a.txt", "x", "a.txt: the name must end in"],
  ["events", "x", "events: the name must end in"],
  ["a.parquet.gz", "x", "a.parquet.gz: a Parquet file packs its columns itself"],
])("%s that cannot be read is refused by what it is", async (name, content, message) => {
  using files = place();
  const read = async () => await checked([files.file(name, content)]);
  expect(await read().catch((error: unknown) => String(error).replaceAll(/\/\S*\//g, ""))).toContain(message);
});
