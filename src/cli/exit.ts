/** Exit codes of the command line. */
import { CommanderError } from "@commander-js/extra-typings";
import { ConfigInvalid, codeOf, MillraceError } from "../base/errors.ts";
import { withRemedy } from "../base/remedy.ts";

/** 2 for a variable, command or option that is refused, 1 for everything else that went wrong. */
export const exitCodeOf = (error: unknown): number =>
  error instanceof ConfigInvalid || error instanceof CommanderError ? 2 : 1;

/**
 * What standard error gets of a failure: its message, with what to do where the system refused, and the stack of what
 * nobody expected, for the report of a bug.
 */
export function failureText(error: unknown): string {
  const message = withRemedy(error);
  const isOfSystem =
    codeOf(error) !== undefined || codeOf(error instanceof Error ? error.cause : undefined) !== undefined;
  if (!(error instanceof Error) || error instanceof MillraceError || isOfSystem) return message;
  // Errors of native code, as DuckDB's are, have no stack.
  return typeof error.stack === "string" && error.stack !== "" ? error.stack : message;
}
