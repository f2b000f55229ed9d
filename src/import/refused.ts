/** Why an import does not take place. */
import { MillraceError } from "../base/errors.ts";

/** Files cannot be imported as they are. The message names file, row and column, and what is expected there. */
export class ImportRefused extends MillraceError {
  override readonly name = "ImportRefused";
}
