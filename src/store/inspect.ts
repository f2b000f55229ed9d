/** What a person should know of a data folder while a service runs on it, in sentences that name no place. */
import { readdirSync } from "node:fs";
import { missingIn } from "./folder/missing.ts";
import { type DataFolder, type MissingRange, rangeName } from "./folder/names.ts";
import { type UnreadableSegment, unreadableAdvice } from "./folder/unreadable.ts";
import { inspectSmallFiles } from "./small-files.ts";

/** More of a kind than these are counted and not named: health is read by people. */
const namedMax = 20;

/** Tells of unreadable segments, missing events and damaged small files. */
export class Inspector {
  readonly #folder: DataFolder;
  /** Missing at the last look: a look may fall between the two steps of a flush or a merge, and two in a row do not. */
  #missingBefore = new Set<string>();

  constructor(folder: DataFolder) {
    this.#folder = folder;
  }

  /** Looks at names and small files; gives sentences, and the stretches that are missing. */
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

/** What is said of events that are missing. */
export const missingText = (range: MissingRange): string =>
  `events ${range.from} to ${range.to} of shard ${range.shard} are missing: a segment or journal file was removed. ` +
  `Their ids are still known as duplicates. Put the file back, or accept the loss with "millrace quarantine ${rangeName(range)}"`;

function atMost(sentences: readonly string[]): string[] {
  const more = sentences.length - namedMax;
  return more > 0
    ? [...sentences.slice(0, namedMax), `${more} more like these; run "millrace verify"`]
    : [...sentences];
}
