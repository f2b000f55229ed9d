/** Exit codes of the command line. */
import { CommanderError } from "@commander-js/extra-typings";
import { ConfigInvalid, codeOf, MillraceError, messageOf } from "../base/errors.ts";

/** 2 for a variable, command or option that is refused, 1 for everything else that went wrong. */
export const exitCodeOf = (error: unknown): number =>
  error instanceof ConfigInvalid || error instanceof CommanderError ? 2 : 1;

/** What to do about failures of the system, by its code. */
const remedies: Readonly<Record<string, string>> = {
  EACCES: "give this user the right to it",
  EDQUOT: "make room in this user's quota",
  EISDIR: "a folder stands in the place of a file; move it away",
  EMFILE: "raise the limit of open files (ulimit -n)",
  ENOSPC: "make room on the disk",
  EPERM: "give this user the right to it",
  EROFS: "the disk is read-only; mount it so that it can be written to",
};

/**
 * What standard error gets of a failure: its message, with what to do where the system refused, and the stack of what nobody
 * expected, for the report of a bug.
 */
export function failureText(error: unknown): string {
  const code = codeOf(error) ?? codeOf(error instanceof Error ? error.cause : undefined);
  const remedy = code === undefined ? undefined : remedies[code];
  const message = remedy === undefined ? messageOf(error) : `${messageOf(error)}; ${remedy}`;
  if (!(error instanceof Error) || error instanceof MillraceError || code !== undefined) return message;
  // Errors of native code, as DuckDB's are, have no stack.
  return typeof error.stack === "string" && error.stack !== "" ? error.stack : message;
}
