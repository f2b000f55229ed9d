import { sequence } from "../../src/base/brand.ts";
import { FileJournal } from "../../src/journal/file-journal.ts";
import { journalContract } from "./contract.ts";

for (const isSynced of [true, false])
  journalContract(isSynced ? "a synced file journal" : "an unsynced file journal", {
    open: (pathOf) => new FileJournal({ next: sequence(1), isSynced, pathOf }),
  });
