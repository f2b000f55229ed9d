#!/usr/bin/env bun
/**
 * The command line.
 * commander: the most used argument parser of the platform; it writes `--help`, and refuses what it does not know.
 */
import { Command, CommanderError } from "@commander-js/extra-typings";
import packageJson from "../../package.json" with { type: "json" };
import { ConfigInvalid } from "../base/errors.ts";
import { shareWith } from "../base/share.ts";
import { shareOf } from "../config/config.ts";
import { exitCodeOf, failureText } from "./exit.ts";
import { whenRunnerEnds } from "./runner.ts";

/** One alone is loaded where it is named: a start must not wait for what others need. In the order of `--help`. */
const commands = {
  serve: async () => (await import("./serve.ts")).serveCommand,
  token: async () => (await import("./token.ts")).tokenCommand,
  sql: async () => (await import("./sql.ts")).sqlCommand,
  export: async () => (await import("./export.ts")).exportCommand,
  snapshot: async () => (await import("./snapshot.ts")).snapshotCommand,
  restore: async () => (await import("./restore.ts")).restoreCommand,
  verify: async () => (await import("./verify.ts")).verifyCommand,
  doctor: async () => (await import("./doctor.ts")).doctorCommand,
  quarantine: async () => (await import("./quarantine.ts")).quarantineCommand,
  compact: async () => (await import("./compact.ts")).compactCommand,
  erase: async () => (await import("./erase.ts")).eraseCommand,
  import: async () => (await import("./import.ts")).importCommand,
};

/** Commands whose feature is not there yet. */
const notYetSupported = ["key", "log", "pull", "redrive", "tail"];

/** Commands whose files are their user's, and have the modes that this user wants. */
const writesForItsUser = ["sql", "export"];

const program = new Command("millrace").description(packageJson.description).version(packageJson.version);

try {
  const [name = ""] = process.argv.slice(2);
  if (notYetSupported.includes(name)) throw new ConfigInvalid([`${name}: not yet supported`]);
  // Here and not in each command, so that none that writes into the folder forgets it.
  if (!writesForItsUser.includes(name)) shareWith(shareOf(process.env));
  const named = Object.entries(commands).filter(([each]) => each === name);
  const wanted = named.length > 0 ? named : Object.entries(commands);
  // Thrown instead of exiting with 1, which is for what was tried and failed.
  program.exitOverride();
  // The service seals first what it has accepted; any other command ends as by the signal that the runner got.
  if (name !== "serve") whenRunnerEnds(() => process.kill(process.pid, "SIGTERM"));
  for (const command of await Promise.all(wanted.map(([, load]) => load()))) program.addCommand(command.exitOverride());
  await program.parseAsync();
} catch (error) {
  // Commander has written its message by itself; help that was asked for is not an error.
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : exitCodeOf(error));
  process.stderr.write(`millrace: ${failureText(error)}\n`);
  process.exit(exitCodeOf(error));
}
