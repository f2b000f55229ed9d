/** Checks everything in a data folder, reading every byte. Changes nothing, and may run beside the service. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { checksumOfFile } from "../base/durable.ts";
import { codeOf, messageOf } from "../base/errors.ts";
import { readJournal } from "../journal/reader.ts";
import { currentSegments } from "./current.ts";
import { DuckDB } from "./duckdb.ts";
import { requireKnownFormat } from "./format-mark.ts";
import { damagedImportedIds } from "./imported-ids-folder.ts";
import { listNames } from "./layout.ts";
import { type DataFolder, parseJournalName, parseSegmentName, type SegmentName } from "./names.ts";
import { countRows } from "./segment.ts";
import { type Finding, inspectSmallFiles } from "./small-files.ts";
import { literal } from "./sql-literals.ts";

/** What a check found. */
type VerifyReport = {
  problems: Finding[];
  /** What is not wrong, but worth knowing. */
  notes: Finding[];
  segments: number;
  segmentEvents: number;
  journals: number;
  /** Events of whole groups. */
  journalEvents: number;
};

const limits = { threads: 2, memoryMiB: 1024 };

/** Checks every journal group and every segment of a folder. */
export async function verifyFolder(folder: DataFolder): Promise<VerifyReport> {
  const report: VerifyReport = {
    problems: [],
    notes: [],
    segments: 0,
    segmentEvents: 0,
    journals: 0,
    journalEvents: 0,
  };
  requireKnownFormat(folder);
  if (!existsSync(folder.segments) || !existsSync(folder.journal)) {
    report.problems.push({ file: folder.root, text: "is no data folder: it has no segments or no journal" });
    return report;
  }
  for (const { file, text } of inspectSmallFiles(folder)) report.problems.push({ file: join(folder.root, file), text });
  using duckdb = await DuckDB.open(limits);
  verifyJournals(folder, report);
  await verifySegments(duckdb, folder, report);
  await verifyCatalog(duckdb, folder, report);
  report.problems.push(...damagedImportedIds(folder));
  for (const file of readdirSync(folder.segments).filter((each) => each.endsWith(".corrupt")))
    report.notes.push({
      file: join(folder.segments, file),
      text: "could not be read, and was made again from its journal",
    });
  for (const file of readdirSync(folder.corrupt))
    report.problems.push({
      file: join(folder.corrupt, file),
      text: "was kept aside as corrupt; its whole groups went on",
    });
  for (const file of readdirSync(folder.refused))
    report.problems.push({ file: join(folder.refused, file), text: "holds lines that could not be sealed" });
  return report;
}

function verifyJournals(folder: DataFolder, report: VerifyReport): void {
  const journals = listNames(folder.journal, parseJournalName);
  const newest = new Map(journals.map(({ file, name }) => [name.shard, file]));
  for (const { file, name } of journals) {
    const path = join(folder.journal, file);
    try {
      const content = readJournal(path, name.from);
      report.journals += 1;
      report.journalEvents += content.groups.reduce((sum, { commit }) => sum + commit.rows, 0);
      for (const { offset, end, reason } of content.corrupt)
        report.problems.push({ file: path, text: `bytes ${offset} to ${end}: ${reason}` });
      if (content.corrupt.length > 0 || content.soundBytes === content.writtenBytes) continue;
      const torn = `ends in ${content.writtenBytes - content.soundBytes} bytes of an unfinished group`;
      // The newest file of a shard may be in the middle of a write, or was when the process ended.
      (newest.get(name.shard) === file ? report.notes : report.problems).push({ file: path, text: torn });
    } catch (error) {
      // Sealed and removed while this runs beside the service.
      if (codeOf(error) !== "ENOENT") throw error;
    }
  }
}

async function verifySegments(duckdb: DuckDB, folder: DataFolder, report: VerifyReport): Promise<void> {
  const segments = listNames(folder.segments, parseSegmentName);
  const { current, replaced } = currentSegments(segments);
  for (const segment of segments) {
    const { file, name } = segment;
    const path = join(folder.segments, file);
    try {
      const checksum = await checksumOfFile(path);
      if (checksum !== name.crc32)
        report.problems.push({ file: path, text: "its bytes do not match the checksum in its name" });
      const rows = await readWhole(duckdb, path);
      const range = name.to - name.from + 1;
      if (rows > range) report.problems.push({ file: path, text: `has ${rows} events for ${range} sequences` });
      if (!current.includes(segment)) continue;
      report.segments += 1;
      report.segmentEvents += rows;
    } catch (error) {
      // Replaced and removed while this runs beside the service.
      if (!existsSync(path)) continue;
      report.problems.push({ file: path, text: `cannot be read: ${messageOf(error)}` });
    }
  }
  for (const { file } of replaced)
    report.notes.push({ file: join(folder.segments, file), text: "is replaced by a wider segment" });
  reportOverlaps(folder, current, report);
}

function reportOverlaps(
  folder: DataFolder,
  current: readonly { file: string; name: SegmentName }[],
  report: VerifyReport,
): void {
  for (const [index, segment] of current.entries()) {
    const before = current[index - 1];
    if (before !== undefined && before.name.shard === segment.name.shard && before.name.to >= segment.name.from)
      report.problems.push({ file: join(folder.segments, segment.file), text: `overlaps ${before.file}` });
  }
}

/** Reads every column of every event, so that DuckDB checks every block in use; gives the number of events. */
async function readWhole(duckdb: DuckDB, path: string): Promise<number> {
  const rows = await countRows(duckdb, path);
  await duckdb.run(`ATTACH ${literal(path)} AS whole (READ_ONLY)`);
  try {
    await duckdb.rows("SELECT bit_xor(hash(events)) FROM whole.events events");
  } finally {
    await duckdb.run("DETACH whole");
  }
  return rows;
}

async function verifyCatalog(duckdb: DuckDB, folder: DataFolder, report: VerifyReport): Promise<void> {
  try {
    await duckdb.run(`ATTACH ${literal(folder.catalog)} AS catalog_file (READ_ONLY)`);
    await duckdb.rows("SELECT count(*)::DOUBLE AS events FROM catalog_file.events");
  } catch (error) {
    report.problems.push({ file: folder.catalog, text: `cannot be read: ${messageOf(error)}` });
  }
}
