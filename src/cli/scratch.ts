/** A folder for what a command writes on its way. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** 128 and the signal's number is the exit code of a process that a signal ended. */
const endingSignals = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** A new folder that nobody else can read, gone when it is disposed of or the process ends, also by a signal. */
export function scratchFolder(): { path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "millrace-"));
  const remove = () => rmSync(path, { recursive: true, force: true });
  process.on("exit", remove);
  for (const [signal, code] of Object.entries(endingSignals)) process.on(signal, () => process.exit(code));
  return { path, [Symbol.dispose]: remove };
}
