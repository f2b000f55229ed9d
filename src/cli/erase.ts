/** `millrace erase`: removes events for good, and prints the receipt. */
import { Command } from "@commander-js/extra-typings";
import { ConfigInvalid } from "../base/errors.ts";
import { readConfig } from "../config/config.ts";
import type { ErasureRequest } from "../store/catalog/erasures.ts";
import { reachFolder } from "./reach.ts";

/** Erases events by what says whose they are, or those that match a condition. */
export const eraseCommand = new Command("erase")
  .description("remove events from the whole data folder, until no byte of them is left, and print the receipt")
  .option("--session-id <id>", "events of this session")
  .option("--client-id <id>", "events of this client")
  .option("--subject <name>", "events sent with tokens of this subject")
  .option("--user-id <id>", "events with this user_id")
  .option("--anonymous-id <id>", "events with this anonymous_id, whoever the user is")
  .option("--person <id>", "events of this person, as the column `person` of the view `persons` names them")
  .option("--where <sql>", "events for which this SQL condition on the columns of `events` holds")
  .option("--dry-run", "only say how many events it would remove")
  .addHelpText(
    "after",
    `
It works with and without a running server. Snapshots and exports made before keep what they have.

A person is the user_id of an event. An event without one belongs to the user of the earliest event that has both this
anonymous_id and a user_id, or else to its anonymous_id, or else to its client_id. So --person reaches what somebody did before
they were known. Which anonymous ids are theirs is decided once, over all events accepted before the request. Events that are
accepted later stay, or go if they arrive before the end.

An SQL condition is BOOLEAN, without subqueries and without now() or random(), and has the time and the memory of a query over
HTTP. It cannot be evaluated on refused events that could not be mapped, as they have no columns: the other options find a value
anywhere in them. Exit code 1 says that something could not be searched.`,
  )
  .action(async (options) => {
    const config = readConfig(process.env);
    const request = requestOf(options);
    await using server = await reachFolder(config, "admin");
    const receipt = await server.post("erase", options.dryRun === true ? { ...request, dry_run: true } : request);
    process.stdout.write(`${JSON.stringify(receipt)}\n`);
    const { not_searched: files } = receipt;
    if (!Array.isArray(files) || files.length === 0) return;
    for (const sentence of notSearchedSentences(files.map(String), "where" in request))
      process.stderr.write(`millrace: ${sentence}\n`);
    process.exitCode = 1;
  });

/** Says what an erasure could not search, and what to do. */
function* notSearchedSentences(files: readonly string[], isByCondition: boolean): Iterable<string> {
  // Sound files, which an SQL condition cannot be evaluated on.
  const isWithoutColumns = (file: string) =>
    file === "refused" || (isByCondition && file.startsWith("journal/refused/"));
  const unreadable = files.filter((file) => !isWithoutColumns(file));
  if (unreadable.length > 0)
    yield `these files cannot be read, and may hold some of the events: ${unreadable.join(", ")}`;
  if (files.includes("refused"))
    yield 'some events in "refused" could not be mapped, so an SQL condition cannot be evaluated on them; look at the view refused, and erase by --person or another option, which finds a value anywhere in them';
  const lines = files.filter((file) => file !== "refused" && isWithoutColumns(file));
  if (lines.length > 0)
    yield `these lines could not be read by DuckDB, so an SQL condition cannot be evaluated on them: ${lines.join(", ")}; erase by another option, which does search them`;
}

type EraseOptions = {
  sessionId?: string;
  clientId?: string;
  subject?: string;
  userId?: string;
  anonymousId?: string;
  person?: string;
  where?: string;
};

const selectors = "--session-id, --client-id, --subject, --user-id, --anonymous-id, --person and --where";

function requestOf(options: EraseOptions): ErasureRequest {
  const { sessionId, clientId, subject, userId, anonymousId, person, where } = options;
  const given: ErasureRequest[] = [];
  if (sessionId !== undefined) given.push({ session_id: sessionId });
  if (clientId !== undefined) given.push({ client_id: clientId });
  if (subject !== undefined) given.push({ subject });
  if (userId !== undefined) given.push({ user_id: userId });
  if (anonymousId !== undefined) given.push({ anonymous_id: anonymousId });
  if (person !== undefined) given.push({ person });
  if (where !== undefined) given.push({ where });
  const [request] = given;
  if (request === undefined || given.length > 1)
    throw new ConfigInvalid([`exactly one of ${selectors} says whose events are to go`]);
  if (Object.values(request).includes(""))
    throw new ConfigInvalid(["an empty string says nobody's events; is a variable of the shell not set?"]);
  return request;
}
