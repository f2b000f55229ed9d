/**
 * Carries what is sealed in one folder into another. Segments become hard links, or copies where links are not
 * possible. Id logs, the receipts of erasures and refused events are copied, because they grow.
 *
 * Invariants:
 * - It needs no lock and may run beside a service: names decide what is current, and if a file vanishes meanwhile, the
 *   folder is listed again.
 * - An id is carried only with its event: segments are listed before id logs are read, and a block is left out if its
 *   flush goes past the segments. Otherwise a client that sends an event again would get the answer "duplicate" for an
 *   event that is not there.
 */
import { constants, copyFileSync, linkSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Sequence, ShardId } from "../base/brand.ts";
import { createDurably, removeIfThere, syncClosed, syncFolder } from "../base/durable.ts";
import { codeOf, PlaceRefused } from "../base/errors.ts";
import { readRefusedFile } from "../refused/refused-file.ts";
import { keepTypedEvents, readTypedEvents } from "../store/catalog/kept-typed-views.ts";
import { keepReceipts, readReceipts } from "../store/catalog/receipts.ts";
import type { TypedEvent } from "../store/catalog/typed-views.ts";
import type { CatalogSegment, ErasureReceipt } from "../store/catalog/views.ts";
import { currentSegments } from "../store/folder/current.ts";
import { carryEpochs } from "../store/folder/epochs.ts";
import { filesIn, listNames, refusedEventsIn } from "../store/folder/layout.ts";
import {
  type DataFolder,
  parseIdLogName,
  parseMarkerName,
  parseSegmentName,
  type SegmentName,
} from "../store/folder/names.ts";
import { readUnreadable, unreadableAdvice } from "../store/folder/unreadable.ts";
import { encodeIdBlock, type IdBlock, readIdBlocks } from "../store/ids/blocks.ts";
import { listImportedIds } from "../store/ids/imported-folder.ts";

/** What was carried, and how. */
export type Carried = {
  segments: CatalogSegment[];
  erasures: ErasureReceipt[];
  typedEvents: TypedEvent[];
  bytes: number;
  linked: number;
  copied: number;
};

type Listed = { file: string; name: SegmentName };

/** Errors after which a copy can replace the hard link: another disk, not allowed, too many links. */
const linkRefusals = new Set(["EXDEV", "EPERM", "EMLINK"]);

/**
 * Carries the current segments and the ids of their events into `to`, whose folders exist and are empty. On return all
 * of it is durable.
 * @throws PlaceRefused when a current segment cannot be read, or the system's error; what was carried until then stays
 */
export function carrySealed(from: DataFolder, to: DataFolder): Carried {
  const how = new Map<string, "linked" | "copied">();
  // Before the segments: what a receipt reports as erased is then in none of them.
  const erasures = readReceipts(from);
  for (;;) {
    // Before the segments: the events of all ids in these files are then in the segments.
    const imported = listImportedIds(from).filter(({ isSealed }) => isSealed);
    const current = listCurrent(from);
    requireReadable(from, current);
    if (!carrySegments({ from, to, current, how }) || !carryIdLogs(from, to, current)) continue;
    if (!imported.every(({ path, file }) => linkOrCopy(path, join(to.ids, file)) !== undefined)) continue;
    if (erasures.length > 0) keepReceipts(to, erasures);
    const typedEvents = readTypedEvents(from);
    keepTypedEvents(to, typedEvents);
    carryEpochs(from, to);
    carryMarkers(from, to);
    carryRefused(from, to);
    for (const folder of [to.segments, to.ids]) syncFolder(folder);
    const segments = current.map(({ file, name }) => ({
      file,
      shard: name.shard,
      bytes: statSync(join(to.segments, file)).size,
    }));
    const linked = [...how.values()].filter((each) => each === "linked").length;
    const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
    return { segments, erasures, typedEvents, bytes, linked, copied: how.size - linked };
  }
}

/** Copies the markers, so that known losses are known in the copy, too. Segments in quarantine are not carried. */
function carryMarkers(from: DataFolder, to: DataFolder): void {
  const markers = filesIn(from.quarantine).filter((file) => parseMarkerName(file) !== undefined);
  if (markers.length === 0) return;
  mkdirSync(to.quarantine, { recursive: true });
  for (const file of markers) copyFileSync(join(from.quarantine, file), join(to.quarantine, file));
  syncFolder(to.quarantine);
}

/** Copies the refused events, without a last line that is being written. A file that vanished meanwhile was dropped. */
function carryRefused(from: DataFolder, to: DataFolder): void {
  for (const file of refusedEventsIn(from)) {
    const lines = readRefusedFile(join(from.refusedEvents, file)).map(({ line }) => line);
    if (lines.length > 0) createDurably(join(to.refusedEvents, file), lines);
  }
  syncFolder(to.refusedEvents);
}

/** Refuses a folder with an unreadable segment: a copy that silently lacks events would pass for a whole one. */
function requireReadable(from: DataFolder, current: readonly Listed[]): void {
  const unreadable = readUnreadable(from).find(({ file }) => current.some((each) => each.file === file));
  if (unreadable === undefined) return;
  const { file, why } = unreadable;
  throw new PlaceRefused(`${join(from.segments, file)} cannot be read: ${why}; ${unreadableAdvice(file)}`);
}

/**
 * Current segments at one moment: lists until two listings in a row agree. A single listing may miss both a new file
 * and the one that it replaced, if one was added and the other removed during the listing.
 */
function listCurrent(folder: DataFolder): Listed[] {
  let listed = listNames(folder.segments, parseSegmentName);
  for (;;) {
    const again = listNames(folder.segments, parseSegmentName);
    if (again.map(({ file }) => file).join() === listed.map(({ file }) => file).join())
      return currentSegments(again).current;
    listed = again;
  }
}

/** Makes `to` hold exactly these segments; false if one of them vanished. `how` lists those that `to` has already. */
function carrySegments(work: {
  from: DataFolder;
  to: DataFolder;
  current: readonly Listed[];
  how: Map<string, "linked" | "copied">;
}): boolean {
  const { from, to, current, how } = work;
  const wanted = new Set(current.map(({ file }) => file));
  for (const file of how.keys()) {
    if (wanted.has(file)) continue;
    removeIfThere(join(to.segments, file));
    how.delete(file);
  }
  for (const file of wanted) {
    if (how.has(file)) continue;
    const done = linkOrCopy(join(from.segments, file), join(to.segments, file));
    if (done === undefined) return false;
    how.set(file, done);
  }
  return true;
}

/** Returns undefined if the file does not exist. */
function linkOrCopy(from: string, to: string): "linked" | "copied" | undefined {
  try {
    linkSync(from, to);
    return "linked";
  } catch (error) {
    const code = codeOf(error) ?? "";
    if (code === "ENOENT") return undefined;
    if (!linkRefusals.has(code)) throw error;
  }
  try {
    copyFileSync(from, to, constants.COPYFILE_EXCL);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
  syncClosed(to);
  return "copied";
}

/** Copies the id logs without the ids whose events are not in these segments; false if a log vanished. */
function carryIdLogs(from: DataFolder, to: DataFolder, current: readonly Listed[]): boolean {
  const reached = new Map<ShardId, Sequence>();
  for (const { name } of current) if (name.to > (reached.get(name.shard) ?? 0)) reached.set(name.shard, name.to);
  // A block of the older format does not say whose its ids are, so it is left out: a duplicate is better than a loss.
  const isCarried = ({ range }: IdBlock) => range !== undefined && range.to <= (reached.get(range.shard) ?? 0);
  for (const file of readdirSync(to.ids)) rmSync(join(to.ids, file));
  for (const { file } of listNames(from.ids, parseIdLogName)) {
    const blocks = blocksIfThere(join(from.ids, file));
    if (blocks === undefined) return false;
    const carried = blocks.filter(isCarried).map(encodeIdBlock);
    if (carried.length === 0) continue;
    createDurably(join(to.ids, file), carried);
  }
  return true;
}

function blocksIfThere(path: string): IdBlock[] | undefined {
  try {
    return readIdBlocks(path).blocks;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
