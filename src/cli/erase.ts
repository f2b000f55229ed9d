/** `millrace erase`: removes events for good, and prints the receipt. */
import { Command } from "@commander-js/extra-typings";
import { ConfigInvalid } from "../base/errors.ts";
import { readConfig } from "../config/config.ts";
import type { ErasureRequest } from "../store/catalog/erasures.ts";
import { reachServer } from "./reach.ts";

/** Erases the events of one session, client or subject, or those that match a condition. */
export const eraseCommand = new Command("erase")
  .description("remove events from the whole data folder, until no byte of them is left, and print the receipt")
  .option("--session-id <id>", "events of this session")
  .option("--client-id <id>", "events of this client")
  .option("--subject <name>", "events sent with tokens of this subject")
  .option("--where <sql>", "events for which this SQL condition on the columns of `events` holds")
  .option("--dry-run", "only say how many events it would remove")
  .addHelpText(
    "after",
    `
It works with and without a running server. Snapshots and exports made before keep what they have. An SQL condition is BOOLEAN,
without subqueries and without now() or random(), and has the time and the memory of a query over HTTP.`,
  )
  .action(async (options) => {
    const config = readConfig(process.env);
    const request = requestOf(options);
    await using server = await reachServer(config, "admin");
    const receipt = await server.post("erase", options.dryRun === true ? { ...request, dry_run: true } : request);
    process.stdout.write(`${JSON.stringify(receipt)}\n`);
    const { not_searched: files } = receipt;
    if (!Array.isArray(files) || files.length === 0) return;
    process.stderr.write(`millrace: these files cannot be read, and may hold some of them: ${files.join(", ")}\n`);
    process.exitCode = 1;
  });

type EraseOptions = { sessionId?: string; clientId?: string; subject?: string; where?: string };

function requestOf({ sessionId, clientId, subject, where }: EraseOptions): ErasureRequest {
  const given: ErasureRequest[] = [];
  if (sessionId !== undefined) given.push({ session_id: sessionId });
  if (clientId !== undefined) given.push({ client_id: clientId });
  if (subject !== undefined) given.push({ subject });
  if (where !== undefined) given.push({ where });
  const [request] = given;
  if (request !== undefined && given.length === 1) return request;
  throw new ConfigInvalid([
    "exactly one of --session-id, --client-id, --subject and --where says whose events are to go",
  ]);
}
