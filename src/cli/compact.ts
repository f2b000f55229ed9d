/** `millrace compact`: merges segments and removes duplicates now, without waiting for the background merges. */
import { Command } from "@commander-js/extra-typings";
import { readConfig } from "../config/config.ts";
import { reachFolder } from "./reach.ts";

/** Merges until there are as few segments as possible. */
export const compactCommand = new Command("compact")
  .description("merge segments until there are as few as can be, and remove repeated events")
  .addHelpText(
    "after",
    "\nThe service does this by itself, in the background; it works with and without a running server.",
  )
  .action(async () => {
    const config = readConfig(process.env);
    await using server = await reachFolder(config, "admin");
    const { merges, repeats_removed, segments } = await server.post("compact", {});
    process.stdout.write(`${merges} merges, ${repeats_removed} repeats removed, ${segments} segments\n`);
  });
