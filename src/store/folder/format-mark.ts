/**
 * The mark of a data folder: its format, a number that is incremented whenever an older version could misread what a
 * newer one wrote, and the version that wrote it. Format 1 has no mark.
 *
 * A damaged mark is repaired if only one byte is wrong. Otherwise it is written again, because the rest of the folder
 * does not depend on it. If the damaged mark still shows a number that is too high, the folder is refused whatever the
 * checksum says: not to start is better than to misread.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import packageJson from "../../../package.json" with { type: "json" };
import { codeOf, DataFolderRefused } from "../../base/errors.ts";
import { keepJson, mendKeptJson, readKeptJson } from "./kept-file.ts";
import { currentFormat, type DataFolder, parseSegmentName } from "./names.ts";

/**
 * The message about a folder or a segment of a later format, to follow its name. `writtenBy`: the version that wrote
 * it, if known.
 */
export const laterFormat = (format: number, writtenBy?: string) =>
  `was written ${writtenBy === undefined ? "by a later version" : `by millrace ${writtenBy}`} in format ${format}; ` +
  `this is millrace ${packageJson.version}, which reads formats up to ${currentFormat}. Use that version or a later one`;

/**
 * Refuses a folder of a later format, or with a segment of one. Returns what is wrong with the mark, if anything is.
 * @throws DataFolderRefused naming both versions and formats
 */
export function requireKnownFormat(folder: DataFolder): string | undefined {
  const fault = requireKnownMark(folder);
  for (const file of filesOf(folder.segments)) {
    const format = parseSegmentName(file)?.format ?? 0;
    if (format > currentFormat) throw new DataFolderRefused(`${join(folder.segments, file)} ${laterFormat(format)}`);
  }
  return fault;
}

/** No names if the path does not exist or is not a folder: a caller that needs it reports that. */
function filesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return [];
    throw error;
  }
}

/**
 * Refuses a folder whose mark is of a later format. Returns what is wrong with the mark, if anything is.
 * @throws DataFolderRefused naming both versions and formats
 */
export function requireKnownMark(folder: DataFolder): string | undefined {
  const kept = markOf(folder);
  const mark = kept.kind === "sound" ? kept.value : kept.kind === "damaged" ? mendKeptJson(folder.format) : undefined;
  const mended = mark === undefined ? numberIn(folder) : mark["format"];
  const format = kept.kind === "damaged" ? later(numberIn(folder), mended) : mended;
  if (typeof format === "number" && format > currentFormat) {
    throw new DataFolderRefused(
      `data folder ${folder.root} ${laterFormat(format, mark && String(mark["written_by"]))}` +
        (kept.kind === "damaged"
          ? `. ${folder.format} ${kept.why}: restore it from a backup if it should be another`
          : ""),
    );
  }
  if (kept.kind === "damaged") return kept.why;
  return kept.kind === "sound" && !Number.isInteger(format) ? "does not name a format" : undefined;
}

/**
 * Marks a folder as written by this version. Returns a warning if the mark was damaged. REQUIRES: the folder's lock.
 * @throws DataFolderRefused when the folder has a later format
 */
export function markFormat(folder: DataFolder): string[] {
  const fault = requireKnownMark(folder);
  const kept = markOf(folder);
  const mark = { format: currentFormat, written_by: packageJson.version };
  const isSame =
    kept.kind === "sound" &&
    kept.hasChecksum &&
    kept.value["format"] === mark.format &&
    kept.value["written_by"] === mark.written_by;
  if (!isSame) keepJson(folder.format, mark);
  return fault === undefined
    ? []
    : [`format ${fault}; it was written again. Check the disk, and run "millrace verify"`];
}

function markOf(folder: DataFolder): ReturnType<typeof readKeptJson> {
  try {
    return readKeptJson(folder.format);
  } catch (error) {
    if (codeOf(error) === "ENOTDIR") return { kind: "missing" };
    throw error;
  }
}

const later = (read: number | undefined, mended: unknown) =>
  read !== undefined && read > currentFormat ? read : mended;

/** The number in a damaged mark, as far as it can be read. */
function numberIn(folder: DataFolder): number | undefined {
  try {
    const found = /"format": ?(\d{1,6})\b/.exec(readFileSync(folder.format, "latin1"))?.[1];
    return found === undefined ? undefined : Number(found);
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}
