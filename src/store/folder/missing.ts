/**
 * Which events of a folder are missing. The sequences of a shard begin at 1 and have no gaps: every writer takes the
 * next one, retention and erasures leave empty segments, and an import without a new event takes none. So a sequence
 * that no name covers was lost.
 *
 * Two small files say where a shard ends. `sealed.json` says up to where shards were sealed when the catalog was last
 * written, or had lost a journal file that somebody removed before it was sealed. `opened/SSSS` names the journal file
 * that the shard opened last. Both are hints: they are not synced together with what they describe, so after a power
 * loss they may lack the last seconds. They are never wrong: the first is replaced by a rename; the second lies within
 * a sector, and counts as missing if its bytes were not written.
 */
import { join } from "node:path";
import { type Sequence, type ShardId, sequence, shardId } from "../../base/brand.ts";
import { keepJson, noteText, readKeptJson, readNotedText } from "./kept-file.ts";
import { filesIn } from "./layout.ts";
import {
  type DataFolder,
  type MissingRange,
  openedName,
  parseJournalName,
  parseMarkerName,
  parseOpenedName,
  parseSegmentName,
} from "./names.ts";

/** Upper bound for the events after a missing journal file: 24 MiB a file and a full buffer are far below. Events. */
const unknownEndEvents = 10_000_000;

/** Events of a journal file; `to` is undefined if it is not known. */
export type JournalRange = { shard: ShardId; from: Sequence; to?: Sequence | undefined };

/** What the names of a folder say of its shards. */
type NamedRanges = {
  /** Segments, and markers of events that are known to be missing. */
  covered: readonly MissingRange[];
  /** Journal files. Their names say only where they begin; a caller that has read them gives `to`, too. */
  journals: readonly JournalRange[];
  /** Up to where shards were sealed. */
  sealedTo: ReadonlyMap<ShardId, Sequence>;
  /** The journal file that each shard opened last. */
  opened: ReadonlyMap<ShardId, Sequence>;
};

/** Ranges that no name covers, by shard and sequence. An unknown end is replaced by an upper bound. */
function missingRanges(named: NamedRanges): MissingRange[] {
  const shards = new Set([...named.covered, ...named.journals].map(({ shard }) => shard));
  for (const shard of [...named.sealedTo.keys(), ...named.opened.keys()]) shards.add(shard);
  return [...shards].sort((a, b) => a - b).flatMap((shard) => missingOf(shard, named));
}

function missingOf(shard: ShardId, named: NamedRanges): MissingRange[] {
  const missing: MissingRange[] = [];
  const covered = named.covered.filter((each) => each.shard === shard);
  const journals = named.journals.filter((each) => each.shard === shard);
  const items = [...covered, ...journals.map(({ from, to }) => ({ from, to }))].sort((a, b) => a.from - b.from);
  let next = 1;
  // A journal without `to` reaches to where the next name begins.
  let isOpen = false;
  for (const { from, to } of items) {
    if (from > next && !isOpen) missing.push({ shard, from: sequence(next), to: sequence(from - 1) });
    next = Math.max(next, from, to === undefined ? 0 : to + 1);
    isOpen = to === undefined;
  }
  const sealedTo = named.sealedTo.get(shard) ?? 0;
  if (sealedTo >= next && !isOpen) {
    missing.push({ shard, from: sequence(next), to: sequence(sealedTo) });
    next = sealedTo + 1;
  }
  const opened = named.opened.get(shard);
  const isThere = (from: Sequence) =>
    sealedTo >= from || journals.some((each) => each.from >= from) || covered.some((each) => each.to >= from);
  if (opened !== undefined && !isThere(opened))
    missing.push({ shard, from: opened, to: sequence(opened + unknownEndEvents - 1) });
  return missing;
}

/**
 * What is missing in a folder, according to its names. A caller that has read the journals passes them as `journals`,
 * listed before this call: one that is sealed meanwhile is then in both lists, never in neither.
 */
export function missingIn(
  folder: DataFolder,
  journals: readonly JournalRange[] = namesIn(folder.journal, parseJournalName),
): MissingRange[] {
  const opened = readOpened(folder);
  const segments = namesIn(folder.segments, parseSegmentName);
  const markers = namesIn(folder.quarantine, parseMarkerName);
  return missingRanges({ covered: [...segments, ...markers], journals, opened, sealedTo: readSealedTo(folder) });
}

/** The first sequence of a shard that was never used, according to notes and markers: at least 1. */
export function unusedFrom(folder: DataFolder, shard: ShardId): Sequence {
  const used = [
    readSealedTo(folder).get(shard) ?? 0,
    ...namesIn(folder.quarantine, parseMarkerName).map((name) => (name.shard === shard ? name.to : 0)),
    ...missingIn(folder).map((range) => (range.shard === shard ? range.to : 0)),
  ];
  return sequence(Math.max(0, ...used) + 1);
}

const namesIn = <Name>(path: string, parse: (file: string) => Name | undefined): Name[] =>
  filesIn(path).flatMap((file) => parse(file) ?? []);

/**
 * Notes that a shard has a journal file with acknowledged events. Not synced: it must cost nothing, and a journal file
 * is valid without it.
 */
export function noteOpened(folder: DataFolder, { shard, from }: { shard: ShardId; from: Sequence }): void {
  noteText(join(folder.opened, openedName(shard)), String(from).padStart(16, "0"));
}

/**
 * Notes up to where shards are sealed, or have lost what was to be sealed, if that is further than the note. A damaged
 * note is replaced.
 */
export function keepSealedTo(folder: DataFolder, segments: readonly MissingRange[]): void {
  const noted = readSealedTo(folder);
  const furthest = new Map(noted);
  for (const { shard, to } of segments) if (to > (furthest.get(shard) ?? 0)) furthest.set(shard, to);
  const isSame = [...furthest].every(([shard, to]) => noted.get(shard) === to);
  if (isSame && readKeptJson(folder.sealed).kind !== "damaged") return;
  if (furthest.size > 0) keepJson(folder.sealed, { shards: [...furthest].map(([shard, to]) => ({ shard, to })) });
}

function readSealedTo(folder: DataFolder): Map<ShardId, Sequence> {
  const kept = readKeptJson(folder.sealed);
  const listed = kept.kind === "sound" ? kept.value["shards"] : [];
  const read = new Map<ShardId, Sequence>();
  if (!Array.isArray(listed)) return read;
  for (const each of listed) {
    const { shard, to } = Object(each);
    if (Number.isSafeInteger(shard) && Number.isSafeInteger(to) && shard >= 0 && to >= 0)
      read.set(shardId(shard), sequence(to));
  }
  return read;
}

/** First sequence of the journal file that each shard opened last. */
export function readOpened(folder: DataFolder): Map<ShardId, Sequence> {
  const read = new Map<ShardId, Sequence>();
  for (const file of filesIn(folder.opened)) {
    const shard = parseOpenedName(file);
    if (shard === undefined) continue;
    const kept = readNotedText(join(folder.opened, openedName(shard)));
    if (kept.kind === "sound" && /^\d{16}$/.test(kept.value)) read.set(shard, sequence(Number(kept.value)));
  }
  return read;
}
