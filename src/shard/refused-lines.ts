/** The last resort of a flush: finds the journal lines that DuckDB cannot read, and keeps them with the reason. */
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { appendDurably, removeIfThere, syncFolder } from "../base/durable.ts";
import { messageOf } from "../base/errors.ts";
import { type RowHead, readRowHead } from "../event/row.ts";
import { commitPrefix } from "../journal/format.ts";
import { rowLines } from "../journal/reader.ts";
import type { DuckDB } from "../store/duckdb.ts";
import { type DataFolder, journalName, unfinishedSuffix } from "../store/names.ts";
import { isAboutLines, journalQuery, type SegmentSource } from "../store/segment.ts";

/** A line that was kept aside. */
export type RefusedLine = { head: RowHead; line: Buffer; reason: string };

/**
 * Parts the lines of journal files into those that DuckDB reads and those that it does not; the latter are durable in
 * `journal/refused/`, as JSON with `reason` and `line`, before this returns. Doing it again writes the same file again.
 */
export async function separateRefused(
  duckdb: DuckDB,
  folder: DataFolder,
  source: SegmentSource,
): Promise<{ sound: Buffer; refused: RefusedLine[]; keptIn: string }> {
  const lines = source.files
    .flatMap((file) => [...rowLines(readFileSync(file))])
    .filter((line) => line.toString("latin1", 0, commitPrefix.length) !== commitPrefix);
  const probe = join(folder.journal, `${journalName(source)}.probe${unfinishedSuffix}`);
  const refused: RefusedLine[] = [];
  const sound: Buffer[] = [];
  await divide(lines);
  removeIfThere(probe);
  const keptIn = join(folder.refused, journalName(source));
  keep(keptIn, refused);
  return { sound: joined(sound), refused, keptIn };

  async function divide(some: readonly Buffer[]): Promise<void> {
    if (some.length === 0) return;
    const reason = await refusalOf(some);
    const [first] = some;
    if (reason === undefined) sound.push(...some);
    else if (some.length === 1 && first !== undefined) refused.push({ head: readRowHead(first), line: first, reason });
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
      // A full disk or a lack of memory is no fault of a line: the flush is tried again.
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
  const text = refused.map(({ line, reason }) => `${JSON.stringify({ reason, line: line.toString() })}\n`).join("");
  const descriptor = openSync(path, "w", 0o600);
  try {
    appendDurably(descriptor, Buffer.from(text));
  } finally {
    closeSync(descriptor);
  }
  syncFolder(join(path, ".."));
}
