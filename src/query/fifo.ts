/** Streams the bytes that DuckDB writes to a named pipe. */
import { closeSync, constants, openSync } from "node:fs";
import { MillraceError } from "../base/errors.ts";

/** The pipe cannot be made: the folder's file system does not support pipes. */
class PipeRefused extends MillraceError {
  override readonly name = "PipeRefused";
}

/**
 * Makes a named pipe that only this user can open.
 * @throws PipeRefused naming it
 */
export function makeFifo(path: string): void {
  const { exitCode, stderr } = Bun.spawnSync(["mkfifo", "-m", "600", path]);
  if (exitCode !== 0) throw new PipeRefused(`a pipe cannot be made: ${stderr.toString().trim()}`);
}

/**
 * Runs `copy`, which writes to the pipe, and passes the bytes to `take`. Resolves with the result of `copy` once all
 * bytes were taken. If `take` fails, calls `interrupt` until `copy` has ended, drops what it still writes, and throws
 * the failure of `take`.
 */
export async function throughFifo<Answer>(
  path: string,
  {
    copy,
    take,
    interrupt,
  }: { copy: () => Promise<Answer>; take: (bytes: Uint8Array) => void | Promise<void>; interrupt: () => void },
): Promise<Answer> {
  // Opening for reading and writing does not wait for another end, and the pipe does not end before this is closed.
  const end = openSync(path, constants.O_RDWR);
  let failure: { readonly cause: unknown } | undefined;
  const pour = async () => {
    for await (const bytes of Bun.file(path).stream()) {
      // An interrupt does not reach a write to a full pipe, so the loop keeps reading.
      if (failure !== undefined) {
        interrupt();
        continue;
      }
      try {
        await take(bytes);
      } catch (error) {
        failure = { cause: error };
        interrupt();
      }
    }
  };
  const [copied] = await Promise.allSettled([copy().finally(() => closeSync(end)), pour()]);
  if (failure !== undefined) throw failure.cause;
  if (copied.status === "rejected") throw copied.reason;
  return copied.value;
}
