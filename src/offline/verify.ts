/** Checks a data folder by reading every byte of it. Changes nothing, and may run beside the service. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { sequence } from "../base/brand.ts";
import { checksumOfFile } from "../base/durable.ts";
import { codeOf, messageOf } from "../base/errors.ts";
import { fileReader } from "../journal/file-reader.ts";
import { damagedRefused } from "../refused/refused-file.ts";
import { currentSegments } from "../store/folder/current.ts";
import { requireKnownFormat } from "../store/folder/format-mark.ts";
import { listJournals } from "../store/folder/journal-files.ts";
import { readKeptJson } from "../store/folder/kept-file.ts";
import { filesIn, listNames } from "../store/folder/layout.ts";
import { type JournalRange, missingIn, readOpened } from "../store/folder/missing.ts";
import { type DataFolder, parseMarkerName, parseSegmentName, type SegmentName } from "../store/folder/names.ts";
import { unreadableAdvice } from "../store/folder/unreadable.ts";
import { damagedImportedIds } from "../store/ids/imported-folder.ts";
import { missingText } from "../store/inspect.ts";
import { checksumFault, faultOf } from "../store/segment/known.ts";
import { readWhole } from "../store/segment/read-whole.ts";
import { type Finding, inspectSmallFiles } from "../store/small-files.ts";
import type { DuckDB } from "../store/sql/duckdb.ts";
import { refusedFileOf } from "../store/sql/failures.ts";
import { literal } from "../store/sql/literals.ts";
import { openLockedDuckDB } from "../store/sql/lock-duckdb.ts";

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
    report.problems.push({ file: folder.root, text: "is not a data folder: it has no segments or no journal" });
    return report;
  }
  for (const { file, text } of inspectSmallFiles(folder)) report.problems.push({ file: join(folder.root, file), text });
  // A file of the folder may be planted: through it DuckDB can read only segments and the catalog.
  const files = [folder.catalog, `${folder.catalog}.wal`];
  using duckdb = await openLockedDuckDB(limits, { folders: [folder.segments], files });
  const journals = verifyJournals(folder, report);
  for (const range of missingIn(folder, journals))
    report.problems.push({ file: folder.root, text: missingText(range) });
  tellQuarantined(folder, report);
  await verifySegments(duckdb, folder, report);
  await verifyCatalog(duckdb, folder, report);
  report.problems.push(...damagedImportedIds(folder), ...damagedRefused(folder));
  for (const file of readdirSync(folder.segments).filter((each) => each.endsWith(".corrupt")))
    report.notes.push({
      file: join(folder.segments, file),
      text: "could not be read, and was made again from its journal; remove it once you have looked",
    });
  for (const file of readdirSync(folder.corrupt))
    report.problems.push({
      file: join(folder.corrupt, file),
      text: "is a corrupt journal; its whole groups went on. Look for its other events, then remove it",
    });
  for (const file of readdirSync(folder.refused))
    report.problems.push({
      file: join(folder.refused, file),
      text: "holds lines that could not be sealed; look at them, then remove it",
    });
  return report;
}

/** Adds a note for each range of events that is known to be missing. */
function tellQuarantined(folder: DataFolder, report: VerifyReport): void {
  for (const file of filesIn(folder.quarantine)) {
    const path = join(folder.quarantine, file);
    const range = parseMarkerName(file);
    const kept = range === undefined ? undefined : readKeptJson(path);
    if (range === undefined || kept?.kind !== "sound") continue;
    const { segment, why } = kept.value;
    const where = typeof segment === "string" ? `, ${segment} is in quarantine` : "";
    const what = `events ${range.from} to ${range.to} of shard ${range.shard} are not in the catalog${where}: ${String(why)}`;
    report.notes.push({ file: path, text: what });
  }
}

/** Reads all journals and returns which events they hold. */
function verifyJournals(folder: DataFolder, report: VerifyReport): JournalRange[] {
  const ranges: JournalRange[] = [];
  // Read first: a file noted here held events before it is read below.
  const begun = readOpened(folder);
  const journals = listJournals(folder);
  const newest = new Map(journals.map(({ shard, path }) => [shard, path]));
  for (const place of journals) {
    const { shard, path, from } = place;
    try {
      using journal = fileReader.open(place);
      // Sealed and removed while this runs beside the service.
      if (journal === undefined) continue;
      const content = journal.read();
      const last = content.groups.at(-1)?.commit;
      const to = last === undefined ? undefined : sequence(last.sequence + last.rows - 1);
      // A service may have just opened an empty file, unless the note says that it held events.
      if (content.writtenBytes === 0 && begun.get(shard) === from)
        report.problems.push({ file: path, text: "is empty, and events in it were acknowledged; put it back" });
      ranges.push({ shard, from, to: content.corrupt.length > 0 ? undefined : to });
      report.journals += 1;
      report.journalEvents += content.groups.reduce((sum, { commit }) => sum + commit.rows, 0);
      for (const { offset, end, reason } of content.corrupt)
        report.problems.push({ file: path, text: `bytes ${offset} to ${end}: ${reason}` });
      if (content.corrupt.length > 0 || content.soundBytes >= content.writtenBytes) continue;
      const torn = `ends in ${content.writtenBytes - content.soundBytes} bytes of an unfinished group`;
      // The newest file of a shard may be in the middle of a write, or was when its process died.
      (newest.get(shard) === path ? report.notes : report.problems).push({ file: path, text: torn });
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      report.problems.push({ file: path, text: `cannot be read: ${messageOf(error)}` });
    }
  }
  return ranges;
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
        report.problems.push({ file: path, text: `${checksumFault}; ${unreadableAdvice(file)}` });
      // DuckDB does not read damaged bytes: its result could be anything.
      if (checksum !== name.crc32) continue;
      const rows = await readWhole(duckdb, path);
      const range = name.to - name.from + 1;
      if (rows > range) report.problems.push({ file: path, text: `has ${rows} events for ${range} sequences` });
      if (!current.includes(segment)) continue;
      report.segments += 1;
      report.segmentEvents += rows;
    } catch (error) {
      // Replaced and removed while this runs beside the service.
      if (!existsSync(path)) continue;
      report.problems.push({ file: path, text: `cannot be read: ${faultOf(error, path)}; ${unreadableAdvice(file)}` });
    }
  }
  for (const { file } of replaced)
    report.notes.push({
      file: join(folder.segments, file),
      text: "is replaced by a wider segment; the service removes it by itself",
    });
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

async function verifyCatalog(duckdb: DuckDB, folder: DataFolder, report: VerifyReport): Promise<void> {
  try {
    // The catalog of a copied folder names the place where it was written; here the segments beside it are checked.
    await duckdb.run(`SET VARIABLE millrace_dir = ${literal(folder.root)}`);
    await duckdb.run(`ATTACH ${literal(folder.catalog)} AS catalog_file (READ_ONLY)`);
    await duckdb.rows("SELECT count(*)::DOUBLE AS events FROM catalog_file.events");
  } catch (error) {
    const why = catalogFault(error);
    report.problems.push({ file: folder.catalog, text: `${why}; a running service writes it again by itself` });
  }
}

/** What is wrong with a catalog. About a file elsewhere, a locked DuckDB only reports that it cannot be accessed. */
function catalogFault(error: unknown): string {
  const elsewhere = refusedFileOf(error);
  if (elsewhere !== undefined)
    return `was not opened further: it reads ${elsewhere}, which is not a segment of this folder`;
  return `cannot be read: ${messageOf(error).split("\n", 1)[0]}`;
}
