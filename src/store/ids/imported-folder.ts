/**
 * The files of imported ids in a data folder.
 *
 * Invariant: an id counts only once its event is sealed. A file exists before the segment of its events has its name,
 * and its own name says up to where imports must be sealed for it to count. Files of segments that a crash left
 * unsealed are removed before the next import.
 */
import { join } from "node:path";
import { type Sequence, sequence } from "../../base/brand.ts";
import { removeIfThere, syncFolder } from "../../base/durable.ts";
import { codeOf } from "../../base/errors.ts";
import { readEventId, writeEventId } from "../../event/event-id.ts";
import { listNames } from "../folder/layout.ts";
import {
  type DataFolder,
  importedIdsName,
  importShard,
  parseImportedIdsName,
  parseSegmentName,
} from "../folder/names.ts";
import { compareIds, ImportedIdsDamaged, ImportedIdsFile, writeImportedIds } from "./imported.ts";

/** Beyond this many files the smaller ones are merged, because an id is searched in each of them. */
const filesMax = 4;

/** Files of imported ids, and whether their events are sealed: until then, it is not decided whether the ids count. */
export function listImportedIds(folder: DataFolder): { path: string; file: string; isSealed: boolean }[] {
  const files = listNames(folder.ids, parseImportedIdsName);
  if (files.length === 0) return [];
  const segments = listNames(folder.segments, parseSegmentName).filter(({ name }) => name.shard === importShard);
  const reached = Math.max(0, ...segments.map(({ name }) => name.to));
  return files.map(({ file, name }) => ({ file, path: join(folder.ids, file), isSealed: name.to <= reached }));
}

/**
 * Removes files whose import was killed or failed before its segment had a name. REQUIRES: no import is under way.
 */
export function removeUnsealedIds(folder: DataFolder): void {
  for (const { path, isSealed } of listImportedIds(folder)) if (!isSealed) removeIfThere(path);
}

/** A path for ids that count once imports are sealed up to `to`. */
export function newImportedIdsPath(folder: DataFolder, to: Sequence): string {
  const numbers = listNames(folder.ids, parseImportedIdsName).map(({ name }) => name.number);
  return join(folder.ids, importedIdsName({ to, number: Math.max(0, ...numbers) + 1 }));
}

/** Whether there are enough files of imported ids for `mergeImportedIds` to merge some. */
export const areImportedIdsToMerge = (folder: DataFolder): boolean =>
  listNames(folder.ids, parseImportedIdsName).length > filesMax;

/** Whether there is any file of imported ids. */
export const hasImportedIds = (folder: DataFolder): boolean => listNames(folder.ids, parseImportedIdsName).length > 0;

/**
 * Merges the smaller files into one, if there are many. If it is interrupted, some ids are in two files, which does no
 * harm.
 * @throws ImportedIdsDamaged, and changes nothing
 */
export function mergeImportedIds(folder: DataFolder): void {
  if (!areImportedIdsToMerge(folder)) return;
  const files = listNames(folder.ids, parseImportedIdsName);
  using stack = new DisposableStack();
  const opened = files
    .map(({ file, name }) => ({ to: name.to, ids: stack.use(ImportedIdsFile.open(join(folder.ids, file))) }))
    .sort((a, b) => a.ids.idsMax - b.ids.idsMax);
  // A file is merged with those of about its size, so that an id is rewritten only a few times.
  let [merged, idsMax] = [0, 0];
  for (const { ids } of opened) {
    if (merged >= 2 && ids.idsMax > idsMax * 2) break;
    merged += 1;
    idsMax += ids.idsMax;
  }
  const sources = opened.slice(0, merged);
  const count = countOf(mergedIds(sources.map(({ ids }) => ids)));
  const to = sequence(Math.max(...sources.map((source) => source.to)));
  writeImportedIds(newImportedIdsPath(folder, to), count, mergedIds(sources.map(({ ids }) => ids)));
  for (const { ids } of sources) removeIfThere(ids.path);
  syncFolder(folder.ids);
}

/** The distinct ids of several files in ascending order, one at a time. */
function* mergedIds(files: readonly ImportedIdsFile[]): Generator<Uint32Array> {
  const readers = files.map((file) => new Reader(file)).filter(({ isAtEnd }) => !isAtEnd);
  const id = new Uint32Array(4);
  let isFirst = true;
  while (readers.length > 0) {
    const least = readers.reduce((a, b) => (compareIds(a.words, a.at, b.words, b.at) <= 0 ? a : b));
    if (isFirst || compareIds(id, 0, least.words, least.at) !== 0) {
      id.set(least.words.subarray(least.at, least.at + 4));
      isFirst = false;
      yield id;
    }
    least.next();
    if (least.isAtEnd) readers.splice(readers.indexOf(least), 1);
  }
}

/** A cursor over the ids of a file. */
class Reader {
  readonly #blocks: Generator<Uint32Array>;
  words: Uint32Array = new Uint32Array(0);
  at = 0;
  isAtEnd = false;

  constructor(file: ImportedIdsFile) {
    this.#blocks = file.all();
    this.next();
  }

  next(): void {
    this.at += 4;
    if (this.at < this.words.length) return;
    const block = this.#blocks.next();
    this.isAtEnd = block.done === true;
    this.words = block.done === true ? new Uint32Array(0) : block.value;
    this.at = 0;
  }
}

/**
 * Removes ids from all files, durably. If it is interrupted, it can be repeated.
 * @throws ImportedIdsDamaged when a file cannot be read
 */
export function forgetImportedIds(folder: DataFolder, ids: ReadonlySet<string>): void {
  for (const { file, name } of listNames(folder.ids, parseImportedIdsName)) {
    using held = ImportedIdsFile.open(join(folder.ids, file));
    const gone = new Set([...ids].filter((id) => id !== "" && held.has(wordsOf(id), 0)));
    if (gone.size === 0) continue;
    const count = countOf(idsWithout(held, gone));
    if (count > 0) writeImportedIds(newImportedIdsPath(folder, name.to), count, idsWithout(held, gone));
    removeIfThere(held.path);
    syncFolder(folder.ids);
  }
}

function* idsWithout(file: ImportedIdsFile, gone: ReadonlySet<string>): Generator<Uint32Array> {
  for (const words of file.all())
    for (let at = 0; at < words.length; at += 4)
      if (!gone.has(readEventId(words, at))) yield words.subarray(at, at + 4);
}

function countOf(ids: Iterable<Uint32Array>): number {
  let count = 0;
  for (const _ of ids) count++;
  return count;
}

function wordsOf(id: string): Uint32Array {
  const words = new Uint32Array(4);
  writeEventId(id, words, 0);
  return words;
}

/** Reads all files of imported ids, and returns which are damaged and how. */
export function damagedImportedIds(folder: DataFolder): { file: string; text: string }[] {
  return listImportedIds(folder).flatMap(({ path }) => {
    const text = damageOf(path);
    return text === undefined ? [] : [{ file: path, text }];
  });
}

function damageOf(path: string): string | undefined {
  try {
    using file = ImportedIdsFile.open(path);
    const last = new Uint32Array(4);
    for (const words of file.all())
      for (let at = 0; at < words.length; at += 4) {
        if (compareIds(last, 0, words, at) > 0) return "its ids are not in order";
        last.set(words.subarray(at, at + 4));
      }
    return undefined;
  } catch (error) {
    // Merged while this runs beside the service.
    if (codeOf(error) === "ENOENT") return undefined;
    if (!(error instanceof ImportedIdsDamaged)) throw error;
    return `${error.message}; ids in it are not known, until it is removed and the import is given again`;
  }
}
