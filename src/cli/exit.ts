/** Exit codes of the command line. */
import { ConfigInvalid } from "../base/errors.ts";

/** 2 for a configuration that is refused, 1 for everything else that went wrong. */
export const exitCodeOf = (error: unknown): number => (error instanceof ConfigInvalid ? 2 : 1);
