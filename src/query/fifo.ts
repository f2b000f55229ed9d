/** Bytes that DuckDB writes to a pipe with a name, taken as they come. */
import { closeSync, constants, openSync } from "node:fs";
import { MillraceError } from "../base/errors.ts";

/** The pipe cannot be made: the file system of a folder knows none. */
class PipeRefused extends MillraceError {
  override readonly name = "PipeRefused";
}

/**
 * Makes a pipe that only this user can open.
 * @throws PipeRefused naming it
 */
export function makeFifo(path: string): void {
  const { exitCode, stderr } = Bun.spawnSync(["mkfifo", "-m", "600", path]);
  if (exitCode !== 0) throw new PipeRefused(`a pipe cannot be made: ${stderr.toString().trim()}`);
}

/**
 * Runs `copy`, which writes to the pipe, and gives `take` what it writes. Resolves with the answer of `copy` when all
 * of it was taken. Where `take` fails, `interrupt` is called until `copy` has ended, what it still writes is dropped,
 * and the failure is thrown.
 */
export async function throughFifo<Answer>(
  path: string,
  {
    copy,
    take,
    interrupt,
  }: { copy: () => Promise<Answer>; take: (bytes: Uint8Array) => void | Promise<void>; interrupt: () => void },
): Promise<Answer> {
  // Open for both, it neither waits for the other end nor ends before it is closed.
  const end = openSync(path, constants.O_RDWR);
  let failure: { readonly cause: unknown } | undefined;
  const pour = async () => {
    for await (const bytes of Bun.file(path).stream()) {
      // A write to a pipe that nobody empties would wait for ever, and an interrupt does not reach it.
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
