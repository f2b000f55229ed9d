/**
 * Quarantine: a segment that cannot be read moves to `quarantine/`, and a marker beside it says which events are
 * missing because of that, so that they are not reported forever. For events whose file is gone there is only a marker.
 *
 * Order: marker, then rename, each durable. If the process is killed in between, the segment is still in its place, and
 * the command can be repeated.
 */
import { existsSync, mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { checksumOfFile, renameDurably, syncFolder } from "../../base/durable.ts";
import { keepJson } from "../folder/kept-file.ts";
import { missingIn } from "../folder/missing.ts";
import {
  type DataFolder,
  type MissingRange,
  markerName,
  parseRangeName,
  parseSegmentName,
  type SegmentName,
} from "../folder/names.ts";
import type { DuckDB } from "../sql/duckdb.ts";
import { checksumFault, faultOf } from "./known.ts";
import { readWhole } from "./read-whole.ts";

/**
 * What became of a segment: in quarantine with a marker, or why nothing was done. `file` is undefined if there is only
 * a marker.
 */
export type Quarantined =
  | { kind: "done"; file: string | undefined; range: MissingRange; why: string }
  | { kind: "refused"; why: string };

/**
 * Puts a segment, given by its name or path, into quarantine, or marks a range (`SSSS-from-to`) whose events are
 * missing. Repeating it is harmless. REQUIRES: nobody rewrites segments meanwhile.
 */
export async function quarantine(duckdb: DuckDB, folder: DataFolder, given: string): Promise<Quarantined> {
  const file = basename(given);
  const name = parseSegmentName(file);
  if (name !== undefined && existsSync(join(folder.segments, file))) {
    const why = await faultIn(duckdb, join(folder.segments, file), name);
    if (why === undefined)
      return { kind: "refused", why: `${file} is sound: its checksum is right and all of it can be read` };
    return quarantineSegment(folder, { file, range: rangeOf(name), why });
  }
  if (name !== undefined && existsSync(join(folder.quarantine, file)))
    return { kind: "done", file, range: rangeOf(name), why: "it is in quarantine already" };
  const range = name === undefined ? parseRangeName(file) : rangeOf(name);
  if (range === undefined)
    return { kind: "refused", why: `${file} is neither the name of a segment nor of a stretch (SSSS-from-to)` };
  const isMissing = missingIn(folder).some(
    (each) => each.shard === range.shard && each.from <= range.to && range.from <= each.to,
  );
  if (!isMissing) return { kind: "refused", why: `${file} is not in segments, and no event of it is missing` };
  const why = "its file is missing";
  keepMarker(folder, { range, file: undefined, why });
  return { kind: "done", file: undefined, range, why };
}

/** Moves a segment into quarantine and marks its events as missing. */
export function quarantineSegment(
  folder: DataFolder,
  { file, range, why }: { file: string; range: MissingRange; why: string },
): Quarantined {
  keepMarker(folder, { range, file, why });
  renameDurably({ from: join(folder.segments, file), to: join(folder.quarantine, file) });
  syncFolder(folder.segments);
  return { kind: "done", file, range, why };
}

/** Marks events as missing, durably, with the reason. */
export function keepMarker(
  folder: DataFolder,
  { range, file, why }: { range: MissingRange; file: string | undefined; why: string },
): void {
  if (mkdirSync(folder.quarantine, { recursive: true }) !== undefined) syncFolder(folder.root);
  const { shard, from, to } = range;
  const marker = { shard, from, to, segment: file ?? null, why, at: new Date().toISOString() };
  keepJson(join(folder.quarantine, markerName(range)), marker);
}

const rangeOf = ({ shard, from, to }: SegmentName): MissingRange => ({ shard, from, to });

/** What is wrong with a segment; undefined if all of it can be read. */
async function faultIn(duckdb: DuckDB, path: string, name: SegmentName): Promise<string | undefined> {
  try {
    if ((await checksumOfFile(path)) !== name.crc32) return checksumFault;
    await readWhole(duckdb, path);
    return undefined;
  } catch (error) {
    return faultOf(error, path);
  }
}
