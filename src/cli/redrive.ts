/** `millrace redrive`: sends refused events of other vendors' SDKs again, once what refused them is mended. */
import { Command, Option } from "@commander-js/extra-typings";
import { ConfigInvalid } from "../base/errors.ts";
import { readConfig } from "../config/config.ts";
import { protocols } from "../event/protocols.ts";
import { parseTimestamp } from "../event/timestamp.ts";
import { reachFolder } from "./reach.ts";

/** Prints how many were sent and how many are still refused. */
export const redriveCommand = new Command("redrive")
  .description("send refused events of other vendors' SDKs again, under the same ids")
  .addOption(new Option("--protocol <protocol>", "only those that were sent so").choices(protocols))
  .option("--since <time>", "only those that were refused at or after this ISO date or time, UTC without an offset")
  .addHelpText(
    "after",
    `
The view "refused" has the events and the reasons. Those that are accepted now leave it; the others stay, and the exit code is 1.
It works with and without a running server, and can be interrupted and given again: an event is stored once.`,
  )
  .action(async ({ protocol, since }) => {
    const config = readConfig(process.env);
    const sinceMs = since === undefined ? undefined : timeOf(since);
    await using server = await reachFolder(config, "admin");
    const { sent, refused } = await server.post("redrive", { protocol, since_ms: sinceMs });
    process.stdout.write(`${sent} sent, ${refused} still refused\n`);
    if (refused !== 0) process.exitCode = 1;
  });

/** A time in ms since 1970, rounded up: `refused_at` has whole milliseconds. */
function timeOf(since: string): number {
  const parsed = parseTimestamp(since);
  if (!parsed.ok)
    throw new ConfigInvalid([`--since: must be an ISO date or time, not ${JSON.stringify(since)}: ${parsed.error}`]);
  const { text } = parsed.timestamp;
  return Date.parse(text) + (/000Z$/.test(text) ? 0 : 1);
}
