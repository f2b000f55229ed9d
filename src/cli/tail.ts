import { resolve } from "node:path";
import { Command, Option } from "@commander-js/extra-typings";
import { readConfig } from "../config/config.ts";
import { categories } from "../event/categories.ts";
import { readKeptText } from "../store/folder/kept-file.ts";
import { requireDataFolder } from "../store/folder/layout.ts";
import { dataFolder } from "../store/folder/names.ts";
import { commandToken } from "./reach.ts";
import { followTail } from "./tail-follow.ts";
import { tailLine } from "./tail-line.ts";

/** Prints events until it is interrupted. */
export const tailCommand = new Command("tail")
  .description("print events as a running service acknowledges them")
  .option("--event-name <name>", "only events of this name")
  .addOption(new Option("--category <category>", "only events of this category").choices(categories))
  .option("--session-id <id>", "only events of this session")
  .option("--user-id <id>", "only events of this user")
  .option("--client-id <id>", "only events of this client")
  .option("--from <id>", "what came after this position: the id of a message of the stream")
  .addHelpText(
    "after",
    `
On a terminal each event is a line for people, in colour unless NO_COLOR is set; on a pipe it is a line of JSON in the columns of
events. It connects again by itself after the last event, also across a restart of the service. Ctrl-C ends it.`,
  )
  .action(async (options) => {
    const config = readConfig(process.env);
    const folder = dataFolder(resolve(config.dataDir));
    requireDataFolder(folder);
    endQuietly();
    const { isTTY } = process.stdout;
    const hasColour = isTTY && !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb";
    await followTail({
      query: queryOf(options),
      from: options.from,
      // Looked up each time: a service that was started again may listen elsewhere.
      address: () => {
        const kept = readKeptText(folder.address);
        return kept.kind === "sound" ? kept.value : undefined;
      },
      token: () => commandToken(folder, config, "query"),
      onEvent: (json) => write(isTTY ? tailLine(json, { hasColour }) : json),
      onTold: (text) => process.stderr.write(`millrace: ${text}\n`),
    });
  });

type TailOptions = { eventName?: string; category?: string; sessionId?: string; userId?: string; clientId?: string };

function queryOf({ eventName, category, sessionId, userId, clientId }: TailOptions): string {
  const given = { event_name: eventName, category, session_id: sessionId, user_id: userId, client_id: clientId };
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(given)) if (value !== undefined) query.set(name, value);
  return query.toString();
}

/** Whoever interrupts it, or stops reading what it prints, has seen enough. */
function endQuietly(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(0));
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
}

/** Waits for a slow terminal or pipe, so that the service knows that this reader is slow. */
async function write(line: string): Promise<void> {
  if (process.stdout.write(`${line}\n`)) return;
  await new Promise<void>((resolve) => {
    process.stdout.once("drain", resolve);
  });
}
