/** `millrace quarantine`: moves a damaged segment to quarantine, so that the rest works without it. */
import { Command } from "@commander-js/extra-typings";
import { readConfig } from "../config/config.ts";
import { reachFolder } from "./reach.ts";

/** Prints which events are missing with it. */
export const quarantineCommand = new Command("quarantine")
  .description("move a segment that cannot be read out of the catalog's way, and mark its events as missing")
  .argument(
    "<segment>",
    "name or path of a segment; or a stretch of missing events as `verify` names it (SSSS-from-to)",
  )
  .addHelpText(
    "after",
    `
The file moves to the folder "quarantine"; nothing of it is removed. To bring its events back, put a sound copy into "segments".
A sound segment is refused. It works with and without a running server.`,
  )
  .action(async (segment) => {
    const config = readConfig(process.env);
    await using server = await reachFolder(config, "admin");
    const { moved_to, shard, from, to, reason } = await server.post("quarantine", { segment });
    const what = moved_to === null ? "marked as missing" : `moved to ${String(moved_to)}`;
    process.stdout.write(`${what}: events ${from} to ${to} of shard ${shard}; ${String(reason)}\n`);
  });
