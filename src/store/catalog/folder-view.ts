/**
 * A view of what a data folder holds at this moment, for any process, while a service keeps writing.
 *
 * Why it has every event accepted before the call exactly once: the journals are opened first, and the segments listed
 * after that. Either an event's journal was opened, or it was sealed and removed before, and then its segment is in the
 * list. Groups that a listed segment covers are skipped.
 */
import { closeSync, openSync, statSync } from "node:fs";
import { join } from "node:path";
import { type ShardId, sequence } from "../../base/brand.ts";
import { removeIfThere, writeAll } from "../../base/durable.ts";
import { release } from "../../base/release.ts";
import { fileReader } from "../../journal/file-reader.ts";
import type { OpenedJournal } from "../../journal/journal.ts";
import { rowLines } from "../../journal/reader.ts";
import { covers, currentSegments } from "../folder/current.ts";
import { listJournals } from "../folder/journal-files.ts";
import { listNames, refusedEventsIn } from "../folder/layout.ts";
import { type DataFolder, parseSegmentName, type SegmentName } from "../folder/names.ts";
import { readUnreadable } from "../folder/unreadable.ts";
import { journalQuery } from "../segment/segment.ts";
import { readTypedEvents } from "./kept-typed-views.ts";
import { mayReadEvents } from "./named.ts";
import { readReceipts } from "./receipts.ts";
import { type CatalogContent, emptyCatalog } from "./views.ts";

/**
 * Everything accepted before the call, sealed or not, of a data folder that a service may be writing at this moment.
 */
export type FolderView = {
  /** For `catalogStatements`. `unsealed` is a SELECT over a private copy of the journals' whole groups. */
  content: CatalogContent;
  unsealedEvents: number;
  /** Files that a sandbox must let through besides the segments. */
  files: string[];
} & Disposable;

/**
 * Makes a view of the folder for one query: of SQL that can read no event, without events, since copying what is not
 * sealed takes memory and time. `scratch` is as for `viewFolder`.
 * @throws as `viewFolder` does
 */
export function viewFolderFor(sql: string, folder: DataFolder, scratch: string): FolderView {
  const typedEvents = readTypedEvents(folder);
  if (mayReadEvents(sql, typedEvents)) return viewFolder(folder, scratch);
  const content = { ...emptyCatalog, ...readRest(folder), root: folder.root, typedEvents, publishedAtMs: Date.now() };
  return { content, unsealedEvents: 0, files: [], [Symbol.dispose]: () => undefined };
}

/**
 * Makes a view of the folder. `scratch` is a private folder of the caller; disposing the view removes the copy in it.
 * @throws the system's error when the folder cannot be read, or the copy cannot be written
 */
export function viewFolder(folder: DataFolder, scratch: string): FolderView {
  const watermarkMs = Date.now();
  using journals = openJournals(folder);
  const unreadable = new Set(readUnreadable(folder).map(({ file }) => file));
  const segments = listNames(folder.segments, parseSegmentName);
  const { current } = currentSegments(segments.filter(({ file }) => !unreadable.has(file)));
  const copy = join(scratch, "unsealed.ndjson");
  const dispose = () => removeIfThere(copy);
  try {
    const { events, lineBytesMax } = copyUnsealed(journals.open, current, copy);
    const shards = new Set([...current.map(({ name }) => name.shard), ...journals.open.map(({ shard }) => shard)]);
    const content: CatalogContent = {
      root: folder.root,
      segments: current.map(({ file, name }) => ({
        file,
        shard: name.shard,
        bytes: statSync(join(folder.segments, file)).size,
      })),
      unsealed: events === 0 ? undefined : journalQuery({ files: [copy], lineBytesMax }),
      watermarks: [...shards].sort((a, b) => a - b).map((shard) => ({ shard, watermarkMs })),
      ...readRest(folder),
      typedEvents: readTypedEvents(folder),
      version: 0,
      publishedAtMs: watermarkMs,
    };
    return { content, unsealedEvents: events, files: events === 0 ? [] : [copy], [Symbol.dispose]: dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

/** What a catalog shows besides events. */
const readRest = (folder: DataFolder) => ({
  erasures: readReceipts(folder),
  // Without refused events the view need not be made for each query.
  refusedFiles: refusedEventsIn(folder).filter((file) => sizeOf(join(folder.refusedEvents, file)) > 0),
});

/** Bytes of a file; 0 if it was removed. */
const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

type OpenJournal = OpenedJournal & { shard: ShardId };

/** Opens all journals: an open journal can be read even after the service has sealed and removed it. */
function openJournals(folder: DataFolder): { open: OpenJournal[] } & Disposable {
  const open: OpenJournal[] = [];
  const dispose = () => {
    for (const each of open) each[Symbol.dispose]();
  };
  try {
    for (const place of listJournals(folder)) {
      const opened = fileReader.open(place);
      if (opened !== undefined) open.push({ ...opened, shard: place.shard });
    }
  } catch (error) {
    dispose();
    throw error;
  }
  return { open, [Symbol.dispose]: dispose };
}

/** Writes the whole groups that no segment covers into one file, a journal at a time; no file if there are none. */
function copyUnsealed(
  journals: readonly OpenJournal[],
  segments: readonly { name: SegmentName }[],
  copy: string,
): { events: number; lineBytesMax: number } {
  let events = 0;
  let lineBytesMax = 0;
  let bytes = 0;
  let descriptor: number | undefined;
  try {
    for (const { shard, read } of journals) {
      const { groups } = read();
      for (const { commit, lines } of groups) {
        const range = {
          shard,
          from: commit.sequence,
          to: sequence(commit.sequence + commit.rows - 1),
        };
        if (segments.some((segment) => covers(segment.name, range))) continue;
        descriptor ??= openSync(copy, "wx");
        writeAll(descriptor, lines, bytes);
        bytes += lines.byteLength;
        events += commit.rows;
        lineBytesMax = Math.max(lineBytesMax, longestLine(lines));
      }
      // Before the next one is read: under load there are several of 24 MiB, and the collector does not see their size.
      const bytesRead = groups[0]?.lines.buffer;
      if (bytesRead !== undefined && bytesRead.byteLength >= releasedMin) release(new Uint8Array(bytesRead));
    }
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
  return { events, lineBytesMax };
}

/** Smaller files add up to little, and the runtime may keep several small ones in one piece of memory. Bytes. */
const releasedMin = 1024 * 1024;

/** A line is no longer than its group, and needs no larger buffer below this: then lines are not measured. Bytes. */
const linesLookedAtMin = 1024 * 1024;

/** Length of the longest line, or an upper bound. Bytes. */
function longestLine(lines: Buffer): number {
  if (lines.byteLength < linesLookedAtMin) return lines.byteLength;
  let longest = 0;
  for (const line of rowLines(lines)) longest = Math.max(longest, line.byteLength);
  return longest;
}
