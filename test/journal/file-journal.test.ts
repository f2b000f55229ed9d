import { openLog } from "../../src/base/log.ts";
import { systemTime } from "../../src/base/time.ts";
import { FileJournal } from "../../src/journal/file-journal.ts";
import { filesIn } from "../support/journal-files.ts";
import { LateJournal } from "../support/late-journal.ts";
import { randomFrom } from "../support/random.ts";
import { journalContract } from "./contract.ts";

const open = (isSynced: boolean) => (folder: string, disk: { isBlocked: boolean }) =>
  new FileJournal({ files: filesIn(folder, () => disk.isBlocked), isSynced, log: openLog("silent", "test") });

for (const isSynced of [true, false])
  journalContract(isSynced ? "a synced file journal" : "an unsynced file journal", { open: open(isSynced) });

// Answers up to some milliseconds late, so that later calls are often answered first.
for (const seed of [1, 2]) {
  const random = randomFrom(seed);
  const delayMs = () => random.between({ from: 0, to: 3 });
  journalContract(`a journal that answers late (${seed})`, {
    open: (folder, disk) =>
      new LateJournal(open(true)(folder, disk), systemTime, () => ({
        doneAfterMs: delayMs(),
        answeredAfterMs: delayMs(),
        isRefused: false,
      })),
  });
}
