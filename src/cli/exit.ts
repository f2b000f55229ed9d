/** Exit codes of the command line. */
import { CommanderError } from "@commander-js/extra-typings";
import { ConfigInvalid, codeOf, MillraceError } from "../base/errors.ts";
import { withRemedy } from "../base/remedy.ts";

/** 2 for a variable, command or option that is refused, 1 for everything else that went wrong. */
export const exitCodeOf = (error: unknown): number =>
  error instanceof ConfigInvalid || error instanceof CommanderError ? 2 : 1;

/**
 * The text of an error for standard error: its message, with advice for system errors; for an unexpected error its
 * stack, for a bug report.
 */
export function failureText(error: unknown): string {
  const message = withRemedy(error);
  const isOfSystem =
    codeOf(error) !== undefined || codeOf(error instanceof Error ? error.cause : undefined) !== undefined;
  if (!(error instanceof Error) || error instanceof MillraceError || isOfSystem) return message;
  // Errors of native code, such as DuckDB's, have no stack.
  return typeof error.stack === "string" && error.stack !== "" ? error.stack : message;
}
