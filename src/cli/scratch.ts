/** A folder for what a command writes on its way. */
import type { DataFolder } from "../store/folder/names.ts";
import { openScratch, type Scratch } from "../store/folder/scratch.ts";

/** 128 and the signal's number is the exit code of a process that a signal ended. */
const endingSignals = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** A new folder that nobody else can read, gone when it is disposed of or the process ends, also by a signal. */
export function scratchFolder(folder: DataFolder): Scratch {
  const scratch = openScratch(folder);
  process.on("exit", () => scratch[Symbol.dispose]());
  for (const [signal, code] of Object.entries(endingSignals)) process.on(signal, () => process.exit(code));
  return scratch;
}
