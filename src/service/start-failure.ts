/** What a start that failed says to whoever reads it. */
import { ActorDied, codeOf, DataFolderRefused, MillraceError, messageOf, StartFailed } from "../base/errors.ts";

/** What the machine refuses, whatever folder it is asked for. */
const ofMachine = ["EAGAIN", "EMFILE", "ENFILE", "ENOMEM"];

/**
 * The error of a start, as one sentence: a refusal stays what it is; what the system refused is a refusal of the data
 * folder, or of the machine; a part that died is told with what to look at. Anything else is a bug, and stays too.
 */
export function startFailure(error: unknown, root: string): unknown {
  if (error instanceof ActorDied)
    return new StartFailed(
      `the service cannot start: ${error.message}; start it again, and if that does not help, look at free memory, at the limits of ` +
        `processes and open files, and at "millrace doctor"`,
      { cause: error },
    );
  const code = codeOf(error);
  if (error instanceof MillraceError || code === undefined) return error;
  if (ofMachine.includes(code))
    return new StartFailed(`the service cannot start: ${messageOf(error)}`, { cause: error });
  return new DataFolderRefused(`data folder ${root} cannot be served: ${messageOf(error)}`, { cause: error });
}
