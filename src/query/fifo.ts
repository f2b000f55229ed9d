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
 * Runs `copy`, which writes to the pipe, and gives `take` what it writes; a failure of either ends both. Resolves with the
 * answer of `copy` when all of it was taken.
 */
export async function throughFifo<Answer>(
  path: string,
  { copy, take }: { copy: () => Promise<Answer>; take: (bytes: Uint8Array) => void | Promise<void> },
): Promise<Answer> {
  // Open for both, it neither waits for the other end nor ends before it is closed.
  let end: number | undefined = openSync(path, constants.O_RDWR);
  const close = () => {
    if (end !== undefined) closeSync(end);
    end = undefined;
  };
  const pour = async () => {
    try {
      for await (const bytes of Bun.file(path).stream()) await take(bytes);
    } catch (error) {
      // Nobody reads any more, so that a write of DuckDB's fails instead of waiting.
      close();
      throw error;
    }
  };
  const [answer] = await Promise.all([copy().finally(close), pour()]);
  return answer;
}
