/** Journal files in a folder of a test's own, outside a data folder. */
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type Sequence, sequence } from "../../src/base/brand.ts";
import type { JournalFiles } from "../../src/journal/file-recovery.ts";
import type { Journal, RecoveryDecisions } from "../../src/journal/journal.ts";

/** Files `1.ndjson` and so on in a folder; new ones cannot be made while `isBlocked`. */
export function filesIn(folder: string, isBlocked: () => boolean = () => false): JournalFiles {
  const corrupt = join(folder, "corrupt");
  mkdirSync(corrupt, { recursive: true });
  const firsts = () =>
    readdirSync(folder).flatMap((file) => (/^\d+\.ndjson$/.test(file) ? Number.parseInt(file, 10) : []));
  const path = (first: number) => join(folder, `${first}.ndjson`);
  return {
    folder,
    corrupt,
    pathOf: (first: Sequence) => (isBlocked() ? join(folder, "no-such-folder", "1.ndjson") : path(first)),
    list: () =>
      firsts()
        .sort((a, b) => a - b)
        .map((first) => ({ path: path(first), from: sequence(first) })),
    unfinishedOf: (finished) => `${finished}.tmp`,
  };
}

/** Decisions of a shard that has sealed nothing. */
export const nothingSealed: RecoveryDecisions = {
  isSealed: async () => false,
  nextAfter: ({ parts }) => sequence((parts.at(-1)?.to ?? 0) + 1),
};

/** A journal that has recovered, with nothing sealed. */
export async function recovered<Some extends Journal>(journal: Some): Promise<Some> {
  await journal.recover(nothingSealed);
  return journal;
}
