/** Reads journal files beside the shard that writes them: for the keeper, for queries and for `verify`. */
import { closeSync, openSync, readFileSync } from "node:fs";
import { codeOf } from "../base/errors.ts";
import { commitPrefix } from "./format.ts";
import type { JournalPlace, JournalReader, OpenedJournal } from "./journal.ts";
import { judgeJournal, rowLines } from "./reader.ts";

/** The `JournalReader` for journal files. */
export const fileReader: JournalReader = {
  open(place: JournalPlace): OpenedJournal | undefined {
    const descriptor = openIfThere(place.path);
    if (descriptor === undefined) return undefined;
    return {
      ...place,
      read: () => judgeJournal(readFileSync(descriptor), place.from),
      [Symbol.dispose]: () => closeSync(descriptor),
    };
  },
  *rowsOf(path: string): Iterable<Buffer> {
    for (const line of rowLines(readFileSync(path)))
      if (line.toString("latin1", 0, commitPrefix.length) !== commitPrefix) yield line;
  },
};

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    return undefined;
  }
}
