/** Turns the error of a failed start into one sentence. */
import { ActorDied, codeOf, DataFolderRefused, MillraceError, messageOf, StartFailed } from "../base/errors.ts";

/** Error codes that come from the machine, not from the data folder. */
const ofMachine = ["EAGAIN", "EMFILE", "ENFILE", "ENOMEM"];

/**
 * Returns the error to report. A MillraceError stays as it is. A system error becomes DataFolderRefused, or StartFailed
 * if the machine refused. A part that died becomes StartFailed with advice. Anything else is a bug and also stays as it
 * is.
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
