/**
 * Seals journal lines, with a last resort: lines that DuckDB cannot read go to `journal/refused/` with the reason, and
 * the rest is sealed. No accepted line may block the others.
 */
import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type Sequence, sequence } from "../../base/brand.ts";
import { removeIfThere, syncFolder } from "../../base/durable.ts";
import { messageOf, SegmentNotSealed } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { type RowHead, readRowHead } from "../../event/line/row.ts";
import { fileReader } from "../../journal/file-reader.ts";
import { covers } from "../folder/current.ts";
import { keptLine, readKeptLines, replaceDurably } from "../folder/kept-file.ts";
import { listNames } from "../folder/layout.ts";
import { type DataFolder, journalName, parseJournalName, parseSegmentName, unfinishedSuffix } from "../folder/names.ts";
import type { DuckDB } from "../sql/duckdb.ts";
import {
  countRows,
  isAboutLines,
  journalQuery,
  LinesRefused,
  type SealedRows,
  type SegmentSource,
  sealSegment,
} from "./segment.ts";
import type { KnownSegment } from "./summary.ts";

type NumberedLine = { line: Buffer; sequence: Sequence };

/** A line with its sequence added as the last member. */
const withSequence = ({ line, sequence }: NumberedLine) =>
  Buffer.concat([line.subarray(0, -1), Buffer.from(`,"sequence":${sequence}}`)]);

/** Upper bound for what a sequence adds to a line. Bytes. */
const numberBytesMax = 64;

type RefusedLine = { head: RowHead; line: Buffer; reason: string };

/** Where to seal, and what. */
type SealJob = { folder: DataFolder; log: Log; source: SegmentSource };

/** What became of the rows, and the segment that was made of them; undefined if an earlier try had made it. */
type Sealed = { rows: SealedRows; segment: KnownSegment | undefined };

/**
 * Seals these rows into a segment. If an earlier try sealed them, or those of the first files, and its answer was lost,
 * that segment is recognized and its end is returned.
 * @throws SegmentNotSealed for failures that may pass
 */
export async function sealSoundLines(duckdb: DuckDB, { folder, log, source }: SealJob): Promise<Sealed> {
  const { to } = source;
  const sealedTo = await sealedBefore(duckdb, folder, source);
  if (sealedTo !== undefined)
    return { rows: { to: sealedTo, refused: refusedBefore(folder, source) }, segment: undefined };
  try {
    const segment = await sealSegment(duckdb, folder, source);
    return { rows: { to, refused: [] }, segment };
  } catch (error) {
    if (!(error instanceof LinesRefused)) throw error;
  }
  const { sound, refused, keptIn } = await separateRefused(duckdb, folder, source);
  log.error(
    { lines: refused.length, keptIn },
    "journal lines that DuckDB cannot read are in journal/refused; the rest is sealed",
  );
  const cleaned = join(folder.journal, `${journalName(source)}${unfinishedSuffix}`);
  writeFileSync(cleaned, sound);
  const rows = source.rows - refused.length;
  const left = {
    ...source,
    rows,
    files: rows === 0 ? [] : [cleaned],
    lineBytesMax: source.lineBytesMax + numberBytesMax,
  };
  const segment = await sealSegment(duckdb, folder, left, { kind: "in lines" });
  removeIfThere(cleaned);
  return { rows: { to, refused: refused.map(({ head }) => countedOf(head)) }, segment };
}

const countedOf = ({ category, hour }: RowHead) => ({ category, hour });

/**
 * Up to where a segment has the rows already, counted from the first file: an earlier try gave it its name, and then
 * failed at the sync or died before it answered. Undefined if no segment holds one of the rows.
 * @throws SegmentNotSealed when a segment has some of the rows, but not whole files from the first one on: sealing
 * would show those rows twice
 */
async function sealedBefore(duckdb: DuckDB, folder: DataFolder, source: SegmentSource): Promise<Sequence | undefined> {
  const touching = listNames(folder.segments, parseSegmentName).filter(
    ({ name }) => name.shard === source.shard && name.from <= source.to && source.from <= name.to,
  );
  if (touching.length === 0) return undefined;
  // Last sequence of each file, the last file first.
  const starts = source.files.map((file) => parseJournalName(basename(file))?.from ?? source.from);
  const ends = [...starts.slice(1).map((start) => sequence(start - 1)), source.to].reverse();
  for (const to of ends) {
    const covering = touching.find(({ name }) => covers(name, { ...source, to }));
    if (covering === undefined) continue;
    await countRows(duckdb, join(folder.segments, covering.file));
    // Its name may not be durable yet: the sync after its rename is what may have failed.
    syncFolder(folder.segments);
    return to;
  }
  throw new SegmentNotSealed(`${touching[0]?.file} has some of events ${source.from} to ${source.to}`);
}

/** The lines that the earlier try refused: they are counted with the segment, whichever try reports it. */
function refusedBefore(folder: DataFolder, source: SegmentSource): SealedRows["refused"] {
  const { values } = readKeptLines(join(folder.refused, journalName(source)));
  return values.map(({ line }) => countedOf(readRowHead(Buffer.from(String(line)))));
}

/**
 * Separates the lines of journal files into those that DuckDB can read and those that it cannot. The latter are durable
 * in `journal/refused/`, as JSON with `reason` and `line`, before this returns. A second call writes the same file.
 */
async function separateRefused(
  duckdb: DuckDB,
  folder: DataFolder,
  source: SegmentSource,
): Promise<{ sound: Buffer; refused: RefusedLine[]; keptIn: string }> {
  const lines = source.files.flatMap((file) => [...fileReader.rowsOf(file)]);
  const probe = join(folder.journal, `${journalName(source)}.probe${unfinishedSuffix}`);
  const refused: RefusedLine[] = [];
  const sound: NumberedLine[] = [];
  // Parts hold every row of their range, so the sequence follows from a line's place.
  await divide(lines.map((line, index) => ({ line, sequence: sequence(source.from + index) })));
  removeIfThere(probe);
  const keptIn = join(folder.refused, journalName(source));
  keep(keptIn, refused);
  return { sound: joined(sound.map(withSequence)), refused, keptIn };

  async function divide(some: readonly NumberedLine[]): Promise<void> {
    if (some.length === 0) return;
    const reason = await refusalOf(some.map(({ line }) => line));
    const [first] = some;
    if (reason === undefined) sound.push(...some);
    else if (some.length === 1 && first !== undefined)
      refused.push({ head: readRowHead(first.line), line: first.line, reason });
    else {
      const half = Math.floor(some.length / 2);
      await divide(some.slice(0, half));
      await divide(some.slice(half));
    }
  }

  async function refusalOf(some: readonly Buffer[]): Promise<string | undefined> {
    writeFileSync(probe, joined(some));
    const query = journalQuery({ files: [probe], lineBytesMax: source.lineBytesMax });
    try {
      await duckdb.run(`CREATE OR REPLACE TEMP TABLE probe AS ${query}`);
      return undefined;
    } catch (error) {
      // A full disk or a lack of memory is not the fault of a line: the flush is retried.
      if (!isAboutLines(error)) throw error;
      return messageOf(error).replaceAll(probe, "the line");
    } finally {
      await duckdb.run("DROP TABLE IF EXISTS probe");
    }
  }
}

const newline = Buffer.from("\n");

const joined = (lines: readonly Buffer[]) => Buffer.concat(lines.flatMap((line) => [line, newline]));

function keep(path: string, refused: readonly RefusedLine[]): void {
  replaceDurably(path, refused.map(({ line, reason }) => keptLine({ reason, line: line.toString() })).join(""));
}
