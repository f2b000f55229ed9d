/** Debian's pandas, which reads what others will read. */
import { existsSync } from "node:fs";
import { type CommandOptions, type Ended, runToEnd } from "./command.ts";

/** Debian's own Python, whichever other one stands first in PATH. */
const python = "/usr/bin/python3";

const isThere = existsSync("/usr/lib/python3/dist-packages/pandas/__init__.py");

if (!isThere) console.warn("skipped: pandas is not installed (Debian: python3-pandas)");

/** Whether it is installed. */
export const hasPandas = () => isThere;

/** Runs a script, or a file, with the arguments. */
export const runPython = (
  script: { text: string } | { file: string },
  words: readonly string[],
  options: CommandOptions,
) => runToEnd([python, ...("text" in script ? ["-c", script.text] : [script.file]), ...words], options);

/** What a script printed as JSON. */
export function printed({ code, stdout, stderr }: Ended): unknown {
  if (code !== 0) throw new Error(`ended with ${code}: ${stderr}`);
  return JSON.parse(stdout);
}
