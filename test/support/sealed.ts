/** A data folder of real segments and its catalog, made from events that a test names, without a service. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sequence, shardId } from "../../src/base/brand.ts";
import { rowOf } from "../../src/event/line/row.ts";
import { parseTimestamp, timestampOfMs } from "../../src/event/timestamp.ts";
import { type CatalogContent, type CatalogSegment, catalogStatements } from "../../src/store/catalog/views.ts";
import { type DataFolder, dataFolder } from "../../src/store/folder/names.ts";
import { journalQuery, sealSegment } from "../../src/store/segment/segment.ts";
import { DuckDB } from "../../src/store/sql/duckdb.ts";
import { literal } from "../../src/store/sql/literals.ts";
import { linesOf, temporaryFolder, validEvent } from "./rows.ts";

/** What a test wants of an event; `at` is ISO 8601. */
export type NamedEvent = { name?: string; at: string; session?: string; client?: string; page?: string };

/** A folder with its catalog; removed at the end of its scope. */
export type SealedFolder = { folder: DataFolder; content: CatalogContent } & Disposable;

/** An open DuckDB in memory, as the keeper has one. */
export const openDuckDB = () => DuckDB.open({ threads: 2, memoryMiB: 512 });

/**
 * Seals each list of events as one segment, of shards 0 and 1 in turn, and writes the catalog with what else `wanted`
 * says.
 */
export async function sealedFolder(
  segments: readonly (readonly NamedEvent[])[],
  wanted: Partial<Omit<CatalogContent, "unsealed">> & { unsealed?: readonly NamedEvent[] } = {},
): Promise<SealedFolder> {
  const place = temporaryFolder();
  const folder = dataFolder(join(place.path, "data"));
  for (const path of [folder.segments, folder.journal]) mkdirSync(path, { recursive: true });
  using duckdb = await openDuckDB();
  const sealed: CatalogSegment[] = [];
  for (const [index, events] of segments.entries()) {
    const shard = shardId(index % 2);
    const from = sequence(index * 1000 + 1);
    const to = sequence(index * 1000 + Math.max(1, events.length));
    const source = {
      shard,
      from,
      to,
      rows: events.length,
      clientIds: 0,
      ...journalOf(folder, `${index}.ndjson`, events),
    };
    const { file, bytes } = await sealSegment(duckdb, folder, source);
    sealed.push({ file, shard, bytes });
  }
  const content: CatalogContent = {
    root: folder.root,
    segments: sealed,
    watermarks: [],
    erasures: [],
    refusedFiles: [],
    typedEvents: [],
    version: 1,
    publishedAtMs: 0,
    ...wanted,
    unsealed: wanted.unsealed && journalQuery(journalOf(folder, "unsealed.ndjson", wanted.unsealed)),
  };
  await duckdb.run(`ATTACH ${literal(folder.catalog)} AS written`);
  await duckdb.run("USE written");
  for (const statement of catalogStatements(content)) await duckdb.run(statement);
  await duckdb.run("USE memory");
  await duckdb.run("DETACH written");
  return { folder, content, [Symbol.dispose]: () => place[Symbol.dispose]() };
}

function journalOf(folder: DataFolder, file: string, events: readonly NamedEvent[]) {
  const path = join(folder.journal, file);
  const { lines } = linesOf(events.map(rowOfNamed));
  writeFileSync(path, lines);
  return { files: [path], lineBytesMax: lines.byteLength };
}

function rowOfNamed(event: NamedEvent) {
  const parsed = parseTimestamp(event.at);
  if (!parsed.ok) throw new Error(`not a time: ${event.at}`);
  const valid = validEvent({
    event_name: event.name ?? "tested",
    timestamp: parsed.timestamp,
    session_id: event.session ?? null,
    page_url: event.page ?? null,
  });
  const acceptance = {
    receivedAt: timestampOfMs(0),
    subjectText: '"tester"',
    clientIdText: JSON.stringify(event.client ?? null),
  };
  return rowOf(valid, acceptance, false);
}
