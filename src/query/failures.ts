/** Turns DuckDB's errors, with `errors_as_json`, into the client's answer. */
import { MillraceError, messageOf } from "../base/errors.ts";
import { jsonOrUndefined } from "../base/json.ts";
import { isRecord } from "../event/parse/parse.ts";
import { type DuckDBFailure, duckdbFailureOf } from "../store/sql/failures.ts";
import { memoryRemedy, type QueryFailure } from "./protocol.ts";
import { characters } from "./tree.ts";

/** Ends the query with this failure as its client's answer. */
export class QueryFailed extends MillraceError {
  override readonly name = "QueryFailed";
  readonly failure: QueryFailure;
  constructor(failure: QueryFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** A statement that is not allowed, or cannot be executed. */
export const refused = (message: string) => new QueryFailed({ kind: "refused", message, position: undefined });

/** Failures of the files that a query reads; the query can be tried again. */
export const ofFiles = new Set<DuckDBFailure>(["io", "gone", "descriptors", "closed"]);

/**
 * The failure in DuckDB's usual words. `before`: how many code points of the statement that ran precede the client's
 * own.
 */
export function asFailed(error: unknown, text: string, before: number): QueryFailed {
  if (error instanceof QueryFailed) return error;
  const said = messageOf(error);
  const told = jsonAt(said, said.indexOf("{"));
  if (told === undefined) return refused(said);
  const kind = String(told["exception_type"]);
  const message = `${kind} Error: ${told["exception_message"]}`;
  const at = Number(told["position"]);
  const place = (kind === "Parser" ? at : characters(text, at)) - before;
  const position = told["position"] !== undefined && place >= 0 ? place : undefined;
  // The lines after the first advise settings that a client cannot change.
  const failure = duckdbFailureOf(new Error(message));
  if (failure === "memory")
    return new QueryFailed({
      kind: "memory",
      message: `${message.split("\n", 1)[0] ?? ""}. ${memoryRemedy}`,
      position,
    });
  return new QueryFailed({
    kind: failure !== undefined && ofFiles.has(failure) ? "interrupted" : "refused",
    message,
    position,
  });
}

/**
 * Drops the place of a conversion that failed, for a statement that calls a macro: DuckDB counts it from the start of
 * the definition that holds the conversion, and does not say whether that is the macro's.
 */
export function withoutMacroPlace(error: unknown): unknown {
  if (!(error instanceof QueryFailed) || !error.failure.message.startsWith("Conversion Error")) return error;
  return new QueryFailed({ ...error.failure, position: undefined });
}

function jsonAt(text: string, start: number): Record<string, unknown> | undefined {
  if (start < 0) return undefined;
  const told = jsonOrUndefined(text.slice(start));
  return isRecord(told) && "exception_message" in told ? told : undefined;
}
