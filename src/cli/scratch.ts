/** A folder for a command's temporary files. */
import type { DataFolder } from "../store/folder/names.ts";
import { openScratch, type Scratch } from "../store/folder/scratch.ts";

/** 128 and the signal's number is the exit code of a process that a signal ended. */
const endingSignals = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** A new private folder. It is removed when it is disposed of or when the process ends, also by a signal. */
export function scratchFolder(folder: DataFolder): Scratch {
  const scratch = openScratch(folder);
  process.on("exit", () => scratch[Symbol.dispose]());
  for (const [signal, code] of Object.entries(endingSignals)) process.on(signal, () => process.exit(code));
  return scratch;
}
