/** Exit codes of the command line. */
import { CommanderError } from "@commander-js/extra-typings";
import { ConfigInvalid } from "../base/errors.ts";

/** 2 for a variable, command or option that is refused, 1 for everything else that went wrong. */
export const exitCodeOf = (error: unknown): number =>
  error instanceof ConfigInvalid || error instanceof CommanderError ? 2 : 1;
