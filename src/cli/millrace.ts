#!/usr/bin/env bun
/**
 * The command line.
 * commander: the most used argument parser of the platform; it writes `--help`, and refuses what it does not know.
 */
import { Command } from "@commander-js/extra-typings";
import packageJson from "../../package.json" with { type: "json" };
import { MillraceError, messageOf } from "../base/errors.ts";
import { compactCommand } from "./compact.ts";
import { eraseCommand } from "./erase.ts";
import { exitCodeOf } from "./exit.ts";
import { exportCommand } from "./export.ts";
import { importCommand } from "./import.ts";
import { restoreCommand } from "./restore.ts";
import { serveCommand } from "./serve.ts";
import { snapshotCommand } from "./snapshot.ts";
import { sqlCommand } from "./sql.ts";
import { tokenCommand } from "./token.ts";
import { verifyCommand } from "./verify.ts";

const program = new Command("millrace")
  .description(packageJson.description)
  .version(packageJson.version)
  .addCommand(serveCommand)
  .addCommand(tokenCommand)
  .addCommand(sqlCommand)
  .addCommand(exportCommand)
  .addCommand(snapshotCommand)
  .addCommand(restoreCommand)
  .addCommand(verifyCommand)
  .addCommand(compactCommand)
  .addCommand(eraseCommand)
  .addCommand(importCommand);

try {
  await program.parseAsync();
} catch (error) {
  const isExpected = error instanceof MillraceError;
  process.stderr.write(`millrace: ${isExpected ? messageOf(error) : (error as Error).stack}\n`);
  process.exit(exitCodeOf(error));
}
