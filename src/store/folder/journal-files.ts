/** Where the journal files of a data folder are. Their content is read through `journal/`. */

import { join } from "node:path";
import type { ShardId } from "../../base/brand.ts";
import type { JournalFiles } from "../../journal/file-recovery.ts";
import type { JournalPlace } from "../../journal/journal.ts";
import { listNames } from "./layout.ts";
import { type DataFolder, journalName, parseJournalName, unfinishedSuffix } from "./names.ts";

/** All journal files of a folder, by shard and sequence. */
export const listJournals = (folder: DataFolder): (JournalPlace & { shard: ShardId })[] =>
  listNames(folder.journal, parseJournalName).map(({ file, name }) => ({ ...name, path: join(folder.journal, file) }));

/** The files of one shard's journal. */
export const journalFilesOf = (folder: DataFolder, shard: ShardId): JournalFiles => ({
  folder: folder.journal,
  corrupt: folder.corrupt,
  pathOf: (from) => join(folder.journal, journalName({ shard, from })),
  list: () => listJournals(folder).filter((each) => each.shard === shard),
  unfinishedOf: (path) => path + unfinishedSuffix,
});
