/** `millrace snapshot`: copies everything sealed into a folder of its own. */
import { resolve } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { readConfig } from "../config/config.ts";
import { type SnapshotReport, takeSnapshot } from "../offline/snapshot.ts";
import { dataFolder } from "../store/folder/names.ts";

/** Prints what the snapshot holds. */
export const snapshotCommand = new Command("snapshot")
  .description("make a copy of everything sealed, by hard links, beside a running service")
  .argument("<folder>", "where to; it must not exist, or be empty")
  .addHelpText(
    "after",
    `
The snapshot is a data folder of its own: open its millrace.duckdb with any DuckDB, copy it as a backup, start a service from
it with "millrace restore". On the disk of the data folder it takes no room at first; on another disk the segments are copied.
Events that are accepted and not sealed yet are not in it, and neither is the secret.

It stays as it is. What is compacted, expired or erased later in the data folder stays in its snapshots: to erase a
person's events everywhere, remove the snapshots too.`,
  )
  .action(async (path) => {
    const report = await takeSnapshot(dataFolder(resolve(readConfig(process.env).dataDir)), path);
    process.stdout.write(reportText("snapshot", report));
  });

/** What was made, in words. */
export function reportText(what: string, report: SnapshotReport): string {
  const { path, segments, linked, copied, events, bytes, first_timestamp, last_timestamp } = report;
  const range = first_timestamp === null ? "no timestamps" : `timestamps from ${first_timestamp} to ${last_timestamp}`;
  return `${what} ${path}: ${segments} segments (${linked} linked, ${copied} copied), ${events} events, ${bytes} bytes, ${range}\n`;
}
