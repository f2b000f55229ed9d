/** `millrace doctor`: says what is wrong with the machine and the data folder, and what to do. Changes nothing. */
import { resolve } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { readConfig, shareOf } from "../config/config.ts";
import { findingLine } from "../doctor/finding.ts";
import { folderFindings } from "../doctor/folder.ts";
import { machineFindings } from "../doctor/machine.ts";
import { readMachine } from "../doctor/readings.ts";
import { dataFolder } from "../store/folder/names.ts";

/** Exits with 1 if any finding is not `ok`. */
export const doctorCommand = new Command("doctor")
  .description("look at the machine and the data folder, and say what to do; exit code 1 if anything was found")
  .argument("[folder]", "data folder; default: MILLRACE_DATA_DIR")
  .addHelpText(
    "after",
    `
One line for each check: ok, warn (wants a person) or fail (keeps a service from starting, or from accepting events). It changes nothing, and
works beside a running service. "millrace verify" checks what the files hold.`,
  )
  .action(async (given) => {
    const config = readConfig(process.env);
    const folder = dataFolder(resolve(given ?? config.dataDir));
    const findings = [
      ...machineFindings(readMachine(folder.root)),
      ...(await folderFindings(folder, { share: shareOf(process.env), hasKey: config.jwtSecret !== undefined })),
    ];
    for (const finding of findings) process.stdout.write(`${findingLine(finding)}\n`);
    process.exitCode = findings.some(({ level }) => level !== "ok") ? 1 : 0;
  });
