/** Each segment holds the sequence of each of its events: its place in the journal of its shard. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sequence, shardId } from "../../src/base/brand.ts";
import { openLog } from "../../src/base/log.ts";
import { commitLine } from "../../src/journal/format.ts";
import { currentSegments } from "../../src/store/folder/current.ts";
import { listNames } from "../../src/store/folder/layout.ts";
import {
  currentFormat,
  type DataFolder,
  dataFolder,
  importShard,
  journalName,
  parseSegmentName,
  segmentName,
} from "../../src/store/folder/names.ts";
import { rewriteOf } from "../../src/store/segment/plan-merge.ts";
import { sealSoundLines } from "../../src/store/segment/refused-lines.ts";
import { rewriteSegments, sealImported } from "../../src/store/segment/rewrite.ts";
import { segmentsQuery } from "../../src/store/segment/segments-query.ts";
import { type KnownSegment, readSummary } from "../../src/store/segment/summary.ts";
import type { DuckDB } from "../../src/store/sql/duckdb.ts";
import { draws, fc } from "../support/property.ts";
import { linesOf, rowAt, temporaryFolder } from "../support/rows.ts";
import { openDuckDB } from "../support/sealed.ts";
import { testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

const shard = shardId(3);
const idOf = (place: number) => `00000000-0000-4000-8000-${String(place).padStart(12, "0")}`;

/**
 * A row of a journal: whether DuckDB refuses its line, and how many places before it stands the event whose id it
 * repeats.
 */
type Row = { isRefused: boolean; repeats: number };
/** Groups of rows that become one journal file, and whether the flush takes the next part, too. */
type Part = { groups: Row[][]; isLastOfFlush: boolean };

const row: fc.Arbitrary<Row> = fc.record({
  isRefused: fc.integer({ min: 0, max: 9 }).map((number) => number === 0),
  repeats: fc.integer({ min: -12, max: 4 }).map((places) => Math.max(0, places)),
});
const parts: fc.Arbitrary<Part[]> = fc.array(
  fc.record({
    groups: fc.array(fc.array(row, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 4 }),
    isLastOfFlush: fc.boolean(),
  }),
  { minLength: 1, maxLength: 6 },
);

function newFolder(root: string): DataFolder {
  const folder = dataFolder(root);
  for (const path of [folder.segments, folder.journal, folder.refused, folder.imports])
    mkdirSync(path, { recursive: true });
  return folder;
}

/** Line at a place; the later the place, the earlier its timestamp, so that a merge puts lines into another order. */
function lineAt(place: number, { isRefused, repeats }: Row) {
  const wanted = { event_id: idOf(Math.max(1, place - repeats)), session_id: `session ${place % 3}` };
  const made = rowAt(1_760_000_000_000 + place, isRefused ? { ...wanted, session_id: "half a pair" } : wanted);
  return isRefused ? { ...made, line: made.line.replace("half a pair", "\\ud800") } : made;
}

/** Writes the parts as journal files and seals them; gives the id at each place whose line was not refused. */
async function sealAll(duckdb: DuckDB, folder: DataFolder, all: readonly Part[]): Promise<Map<number, string>> {
  const accepted = new Map<number, string>();
  let next = 1;
  let flush: { from: number; files: string[]; lineBytesMax: number } = { from: 1, files: [], lineBytesMax: 0 };
  for (const [index, { groups, isLastOfFlush }] of all.entries()) {
    const path = join(folder.journal, journalName({ shard, from: sequence(next) }));
    const pieces: (Buffer | string)[] = [];
    for (const group of groups) {
      const first = sequence(next);
      const rows = group.map((each) => {
        const made = lineAt(next, each);
        if (!each.isRefused) accepted.set(next, made.eventId);
        next += 1;
        return made;
      });
      const { lines } = linesOf(rows);
      flush.lineBytesMax = Math.max(flush.lineBytesMax, lines.byteLength);
      pieces.push(lines, commitLine({ sequence: first, rows: rows.length, lines }));
    }
    writeFileSync(path, Buffer.concat(pieces.map((piece) => Buffer.from(piece))));
    flush.files.push(path);
    if (!isLastOfFlush && index < all.length - 1) continue;
    const { from, files, lineBytesMax } = flush;
    const rows = next - from;
    const range = { shard, from: sequence(from), to: sequence(next - 1) };
    const source = { ...range, rows, files, lineBytesMax, clientIds: rows };
    await sealSoundLines(duckdb, { folder, log: openLog("silent", "test"), source });
    flush = { from: next, files: [], lineBytesMax: 0 };
  }
  return accepted;
}

async function currentOf(duckdb: DuckDB, folder: DataFolder): Promise<KnownSegment[]> {
  const { current } = currentSegments(listNames(folder.segments, parseSegmentName));
  const known: KnownSegment[] = [];
  for (const { file, name } of current) {
    const path = join(folder.segments, file);
    known.push({ file, name, bytes: statSync(path).size, summary: await readSummary(duckdb, path) });
  }
  return known;
}

const pathsOf = (folder: DataFolder, segments: readonly KnownSegment[]) =>
  segments.map(({ file }) => join(folder.segments, file));

/** Ids by sequence, as the segments have them. */
async function sequencesIn(duckdb: DuckDB, paths: readonly string[]): Promise<Map<number, string>> {
  const query = segmentsQuery({ table: "events", files: paths, extra: ["sequence"] });
  const rows = await duckdb.rows(
    `SELECT sequence::DOUBLE AS place, event_id::VARCHAR AS id FROM (${query}) ORDER BY place`,
  );
  const found = new Map(rows.map(({ place, id }) => [Number(place), String(id)]));
  expect(found.size).toBe(rows.length);
  return found;
}

test("each event keeps its place in the journal: over several parts, refused lines, merges and duplicates", async () => {
  using duckdb = await openDuckDB();
  await fc.assert(
    fc.asyncProperty(parts, async (all) => {
      using place = temporaryFolder();
      const folder = newFolder(place.path);
      const accepted = await sealAll(duckdb, folder, all);
      const sealed = await currentOf(duckdb, folder);
      expect(await sequencesIn(duckdb, pathsOf(folder, sealed))).toEqual(accepted);
      // Merged: of events with the same id the first one stays, with its own place.
      const rewrite = rewriteOf(sealed, { keep: "event_id IS NOT NULL", repeatsIn: [] });
      const merged = await rewriteSegments(duckdb, folder, { rewrite, mayOrder: true });
      const path = join(folder.segments, segmentName(merged.name));
      renameSync(merged.unfinished, path);
      const seen = new Set<string>();
      const once = [...accepted].filter(([, id]) => !seen.has(id) && seen.add(id));
      expect(await sequencesIn(duckdb, [path])).toEqual(new Map(once));
    }),
    draws(15),
  );
});

test("files that are read in several pieces at once keep their order", async () => {
  using duckdb = await openDuckDB();
  using place = temporaryFolder();
  const folder = newFolder(place.path);
  const padded = { isRefused: false, repeats: 0 };
  // DuckDB reads a file in pieces of 4 MiB; each of these has more.
  const group = Array.from({ length: 25_000 }, () => padded);
  const accepted = await sealAll(duckdb, folder, [
    { groups: [group], isLastOfFlush: false },
    { groups: [group], isLastOfFlush: true },
  ]);
  const found = await sequencesIn(duckdb, pathsOf(folder, await currentOf(duckdb, folder)));
  expect([...found].filter(([sequence, id]) => accepted.get(sequence) !== id)).toEqual([]);
  expect(found.size).toBe(50_000);
});

test("imported events have the places of their stretch; those that are there already leave theirs free", async () => {
  using duckdb = await openDuckDB();
  using place = temporaryFolder();
  const folder = newFolder(place.path);
  await sealAll(duckdb, folder, [{ groups: [[{ isRefused: false, repeats: 0 }]], isLastOfFlush: true }]);
  const others = (await currentOf(duckdb, folder)).map(({ file }) => file);
  const { lines } = linesOf([7, 1, 5].map((number) => rowAt(1_760_000_000_000 - number, { event_id: idOf(number) })));
  writeFileSync(join(folder.imports, "piece.ndjson"), lines);
  const range = {
    shard: importShard,
    from: sequence(101),
    to: sequence(103),
    generation: 0,
    format: currentFormat,
  };
  const imported = await sealImported(duckdb, folder, {
    range,
    lines: { file: "piece.ndjson", events: 3, lineBytesMax: lines.byteLength, ids: 3 },
    others,
  });
  const path = join(folder.segments, segmentName(imported.name));
  renameSync(imported.unfinished, path);
  expect(await sequencesIn(duckdb, [path])).toEqual(
    new Map([
      [101, idOf(7)],
      [103, idOf(5)],
    ]),
  );
});
