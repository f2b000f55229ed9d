/**
 * Turns the journal files that the last run left into parts that can be sealed.
 *
 * Invariants:
 * - Only the end of the last file is ever cut, and only when it is a torn group.
 * - A corrupt file is copied before anything of it is used. Only its whole groups are used.
 * - A file is removed only when the shard says that it is sealed.
 */
import { copyFileSync, readFileSync, renameSync } from "node:fs";
import { basename, join } from "node:path";
import { type Sequence, sequence } from "../base/brand.ts";
import {
  checksumOfFile,
  createDurably,
  removeIfThere,
  replaceFile,
  syncFile,
  syncFolder,
  truncateDurably,
} from "../base/durable.ts";
import { DataFolderRefused } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { JournalPart, JournalPlace, RecoveredJournal, RecoveryDecisions } from "./journal.ts";
import { type JournalContent, judgeJournal, type ReadGroup, readJournal, soundBytesOf } from "./reader.ts";

/** Where the files of one journal are, and what they are called. */
export type JournalFiles = {
  folder: string;
  /** Where copies of corrupt files go. */
  corrupt: string;
  /** Path of the file whose first row has this sequence. */
  pathOf(first: Sequence): string;
  /** The files that are there now, in order. */
  list(): JournalPlace[];
  /** Path of the unfinished version of a file, beside it; the next start removes it. */
  unfinishedOf(path: string): string;
};

type Recovery = { files: JournalFiles; log: Log };

/**
 * Drops what is sealed, reduces the rest to whole groups, and makes it durable.
 * @throws DataFolderRefused when files overlap, or one holds no whole group
 */
export async function recoverFiles(recovery: Recovery, { isSealed }: RecoveryDecisions): Promise<RecoveredJournal> {
  const { files, log } = recovery;
  for (const place of files.list()) {
    if (!(await isSealed(place))) continue;
    log.info({ journal: basename(place.path) }, "journal already sealed; removed");
    removeIfThere(place.path);
  }
  const kept = files.list();
  const corrupt: RecoveredJournal["corrupt"] = [];
  for (const [index, place] of kept.entries()) {
    const until = kept[index + 1]?.from;
    if (!(await makeSound(recovery, place, until === undefined))) corrupt.push({ from: place.from, until });
  }
  const parts = files.list().map((place) => {
    // Rewritten: bytes that are only in the page cache would count as durable, and a sync that succeeds now proves
    // nothing if one failed in the last run.
    const bytes = readFileSync(place.path);
    replaceFile({ path: place.path, unfinished: files.unfinishedOf(place.path) }, bytes);
    return partOf(place, judgeJournal(bytes, place.from));
  });
  for (const [index, part] of parts.entries()) {
    const before = parts[index - 1];
    if (before !== undefined && before.to >= part.from)
      throw new DataFolderRefused(`journal files ${before.path} and ${part.path} overlap`);
  }
  return { parts, corrupt };
}

/**
 * Reduces one file to whole groups. A torn end is cut, and true is returned. A corrupt file is copied, its whole groups
 * are kept, and false is returned.
 */
async function makeSound({ files, log }: Recovery, place: JournalPlace, isLast: boolean): Promise<boolean> {
  const { path } = place;
  const content = readJournal(path, place.from);
  const isTorn = content.soundBytes < content.writtenBytes;
  const isEmpty = content.groups.length === 0;
  if (content.corrupt.length === 0 && (isLast || (!isTorn && !isEmpty))) {
    const cutBytes = content.writtenBytes - content.soundBytes;
    if (isTorn)
      log.info({ journal: basename(path), cutBytes }, "torn end of the journal cut; it was never acknowledged");
    // The zeros at the end are cut, too: DuckDB reads the file as it is.
    if (content.soundBytes === 0) removeIfThere(path);
    else if (content.mend !== undefined)
      replaceFile({ path, unfinished: files.unfinishedOf(path) }, soundBytesOf(readFileSync(path), content));
    else if (content.soundBytes < content.fileBytes) truncateDurably(path, content.soundBytes);
    return true;
  }
  // Named by its checksum: if a salvage fails and the file is copied again, the copy overwrites the first one.
  const checksum = (await checksumOfFile(path)).toString(16).padStart(8, "0");
  const keptIn = join(files.corrupt, `${basename(path)}.${checksum}`);
  copyFileSync(path, keptIn);
  await syncFile(keptIn);
  syncFolder(files.corrupt);
  log.error(
    { keptIn, corrupt: content.corrupt, tornIn: isTorn },
    "journal corrupt: a copy is in journal/corrupt; its whole groups go on",
  );
  salvage(files, path, content);
  return false;
}

/** Writes each unbroken run of whole groups as a journal file of its own, the first over the corrupt one, last. */
function salvage(files: JournalFiles, path: string, content: JournalContent): void {
  const runs: ReadGroup[][] = [];
  for (const group of content.groups) {
    const run = runs.at(-1);
    const before = run?.at(-1)?.commit;
    if (run !== undefined && before !== undefined && before.sequence + before.rows === group.commit.sequence)
      run.push(group);
    else runs.push([group]);
  }
  const whole = soundBytesOf(readFileSync(path), content);
  const names = runs.map((run) => {
    const target = files.pathOf(run[0]?.commit.sequence ?? sequence(1));
    const pieces = run.map((group) => whole.subarray(group.offset, group.end));
    // An earlier try may have left one.
    removeIfThere(files.unfinishedOf(target));
    createDurably(files.unfinishedOf(target), pieces);
    return target;
  });
  for (const target of names.toReversed()) renameSync(files.unfinishedOf(target), target);
  syncFolder(files.folder);
  if (!names.includes(path)) removeIfThere(path);
}

function partOf({ path }: JournalPlace, content: JournalContent): JournalPart {
  const first = content.groups[0]?.commit;
  const last = content.groups.at(-1)?.commit;
  if (first === undefined || last === undefined)
    throw new DataFolderRefused(`journal file ${path} holds no whole group`);
  const rows = content.groups.reduce((sum, { commit }) => sum + commit.rows, 0);
  const to = sequence(last.sequence + last.rows - 1);
  return { path, from: first.sequence, to, rows, bytes: content.soundBytes };
}
