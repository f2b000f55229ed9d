/** `millrace verify`: checks a data folder and says what is wrong. */

import { resolve } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { readConfig } from "../config/config.ts";
import { verifyFolder } from "../offline/verify.ts";
import { dataFolder } from "../store/folder/names.ts";

/** Exits with 1 if anything is wrong. */
export const verifyCommand = new Command("verify")
  .description(
    "check every file of a data folder: journals, segments, ids, small files, what is missing; exit code 1 if anything is wrong",
  )
  .argument("[folder]", "data folder; default: MILLRACE_DATA_DIR")
  .addHelpText(
    "after",
    '\nOne line for each file that is wrong or worth knowing of, and a last line with the counts. It changes nothing, and works with and without a\nrunning server. A segment that cannot be read goes out of the way with "millrace quarantine".',
  )
  .action(async (given) => {
    const folder = dataFolder(resolve(given ?? readConfig(process.env).dataDir));
    const report = await verifyFolder(folder);
    for (const problem of report.problems) process.stdout.write(`${problem.file}: ${problem.text}\n`);
    for (const note of report.notes) process.stdout.write(`${note.file}: ${note.text}\n`);
    const { segments, segmentEvents, journals, journalEvents } = report;
    process.stdout.write(
      `${segments} segments with ${segmentEvents} events, ${journals} journal files with ${journalEvents} events, ` +
        `${report.problems.length} problems\n`,
    );
    process.exitCode = report.problems.length > 0 ? 1 : 0;
  });
