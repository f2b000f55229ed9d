/** What a person should know about a data folder while a service runs on it, in sentences without the folder's path. */
import { readdirSync } from "node:fs";
import { missingIn } from "./folder/missing.ts";
import { type DataFolder, type MissingRange, rangeName } from "./folder/names.ts";
import { type UnreadableSegment, unreadableAdvice } from "./folder/unreadable.ts";
import { inspectSmallFiles } from "./small-files.ts";

/** At most this many warnings of a kind are listed, and the rest are counted: people read health. */
const namedMax = 20;

/** Reports unreadable segments, missing events and damaged small files. */
export class Inspector {
  readonly #folder: DataFolder;
  /** Missing at the last look. One look may fall between two steps of a flush or merge, two in a row do not. */
  #missingBefore = new Set<string>();

  constructor(folder: DataFolder) {
    this.#folder = folder;
  }

  /** Checks names and small files. Returns warnings, and the ranges that were missing at this look and the last. */
  look(unreadable: readonly UnreadableSegment[]): { warnings: string[]; missing: string[] } {
    const missing = missingIn(this.#folder);
    const told = missing.filter((range) => this.#missingBefore.has(rangeName(range)));
    this.#missingBefore = new Set(missing.map(rangeName));
    const warnings = [
      ...atMost(
        unreadable.map(
          ({ file, why }) => `segments/${file} is left out of the catalog: ${why}; ${unreadableAdvice(file)}`,
        ),
      ),
      ...atMost(told.map(missingText)),
      ...atMost(inspectSmallFiles(this.#folder).map(({ file, text }) => `${file}: ${text}`)),
      ...this.#corrupt(),
    ];
    return { warnings, missing: told.map(rangeName) };
  }

  #corrupt(): string[] {
    const damaged = readdirSync(this.#folder.segments).filter((file) => file.endsWith(".corrupt")).length;
    return damaged === 0
      ? []
      : [
          `${damaged} segments that were made again from their journal are kept as segments/*.corrupt; remove them once you have looked`,
        ];
  }
}

/** The message about missing events. */
export const missingText = (range: MissingRange): string =>
  `events ${range.from} to ${range.to} of shard ${range.shard} are missing: a segment or journal file was removed. ` +
  `Their ids are still known as duplicates. Put the file back, or accept the loss with "millrace quarantine ${rangeName(range)}"`;

function atMost(sentences: readonly string[]): string[] {
  const more = sentences.length - namedMax;
  return more > 0
    ? [...sentences.slice(0, namedMax), `${more} more like these; run "millrace verify"`]
    : [...sentences];
}
