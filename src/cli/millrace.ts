#!/usr/bin/env bun
/**
 * The command line. commander: the most used argument parser of the platform; it writes `--help`, and refuses unknown
 * options.
 */
import { Command, CommanderError } from "@commander-js/extra-typings";
import packageJson from "../../package.json" with { type: "json" };
import { ConfigInvalid } from "../base/errors.ts";
import { shareWith } from "../base/share.ts";
import { shareOf } from "../config/config.ts";
import { exitCodeOf, failureText } from "./exit.ts";
import { whenRunnerEnds } from "./runner.ts";

/** Only the named command is loaded, so that it does not wait for the others' imports. In the order of `--help`. */
const commands = {
  serve: async () => (await import("./serve.ts")).serveCommand,
  token: async () => (await import("./token.ts")).tokenCommand,
  key: async () => (await import("./key.ts")).keyCommand,
  sql: async () => (await import("./sql.ts")).sqlCommand,
  tail: async () => (await import("./tail.ts")).tailCommand,
  schema: async () => (await import("./schema.ts")).schemaCommand,
  export: async () => (await import("./export.ts")).exportCommand,
  snapshot: async () => (await import("./snapshot.ts")).snapshotCommand,
  restore: async () => (await import("./restore.ts")).restoreCommand,
  verify: async () => (await import("./verify.ts")).verifyCommand,
  doctor: async () => (await import("./doctor.ts")).doctorCommand,
  quarantine: async () => (await import("./quarantine.ts")).quarantineCommand,
  compact: async () => (await import("./compact.ts")).compactCommand,
  erase: async () => (await import("./erase.ts")).eraseCommand,
  redrive: async () => (await import("./redrive.ts")).redriveCommand,
  import: async () => (await import("./import.ts")).importCommand,
};

/** Commands whose feature does not exist yet. */
const notYetSupported = ["log", "pull"];

/** Commands whose output files belong to the user and follow the user's own umask. */
const writesForItsUser = ["sql", "export"];

const program = new Command("millrace").description(packageJson.description).version(packageJson.version);

try {
  const [name = ""] = process.argv.slice(2);
  if (notYetSupported.includes(name)) throw new ConfigInvalid([`${name}: not yet supported`]);
  // Set here and not in each command, so that no command that writes into the folder forgets it.
  if (!writesForItsUser.includes(name)) shareWith(shareOf(process.env));
  const named = Object.entries(commands).filter(([each]) => each === name);
  const wanted = named.length > 0 ? named : Object.entries(commands);
  // Commander throws instead of exiting with 1, the code for a command that failed.
  program.exitOverride();
  // `serve` watches its runner itself and seals first. Any other command ends as if it had got the runner's signal.
  if (name !== "serve") whenRunnerEnds(() => process.kill(process.pid, "SIGTERM"));
  for (const command of await Promise.all(wanted.map(([, load]) => load()))) program.addCommand(command.exitOverride());
  await program.parseAsync();
} catch (error) {
  // Commander has already written its message; requested help is not an error.
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : exitCodeOf(error));
  process.stderr.write(`millrace: ${failureText(error)}\n`);
  process.exit(exitCodeOf(error));
}
