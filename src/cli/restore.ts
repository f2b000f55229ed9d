/** `millrace restore`: fills a data folder from a snapshot. */
import { Command } from "@commander-js/extra-typings";
import { readConfig } from "../config/config.ts";
import { restoreSnapshot } from "../offline/snapshot.ts";
import { reportText } from "./snapshot.ts";

/** Prints what the folder now holds. */
export const restoreCommand = new Command("restore")
  .description("fill the empty folder MILLRACE_DATA_DIR from a snapshot")
  .argument("<snapshot>", "folder that `millrace snapshot` made, or a copy of it")
  .addHelpText(
    "after",
    `
The data folder must hold no event; a secret in it stays, otherwise the next start makes a new one. The snapshot stays as it
is, whatever the service does later. A restore that was interrupted left the folder empty: start it again.`,
  )
  .action(async (snapshot) => {
    const report = await restoreSnapshot(snapshot, readConfig(process.env).dataDir);
    process.stdout.write(reportText("restored", report));
  });
