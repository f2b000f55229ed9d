/** Bodies that are read on this thread: checked by the schema that documents them. */
import type { Static, TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { invariant } from "../../base/invariant.ts";
import { answerOf, type Issue } from "../../event/parse/issue.ts";
import { issuesOf } from "../../event/parse/issues-of.ts";
import { parseJson } from "../../event/parse/parse.ts";
import { invalid, Refusal } from "../answers.ts";
import type { HttpContext } from "../context.ts";
import { encodingOf, readBody, requireJson } from "../edge/body.ts";
import type { Asked, Handle } from "../endpoint.ts";

/** The most values that a body may hold: each parameter of a query becomes SQL. */
const valuesMax = 10_000;

/** A body that matches its schema; in `exact`, numbers keep the digits that they were sent with. */
export type JsonBody<Value> = { value: Value; exact: unknown };

/** Passes on bodies that match a schema, and answers others with 422 and all of their errors, or with 413 or 415. */
export const withJsonBody =
  <Schema extends TSchema>(
    schema: Schema,
    handle: (context: HttpContext, asked: Asked, body: JsonBody<Static<Schema>>) => Promise<Response>,
  ): Handle<HttpContext> =>
  async (context, asked) => {
    const { request } = asked;
    requireJson(request);
    if (encodingOf(request) !== "identity")
      throw new Refusal(415, {
        reason: "unsupported_encoding",
        text: "The body must not be compressed here: send it without a Content-Encoding",
      });
    const bytes = await readBody(request, context);
    requireFewValues(bytes);
    const parsed = parseJson(bytes);
    const issues = parsed.ok ? issuesOf(schema, { loc: ["body"], ...parsed }) : parsed.issues;
    if (!parsed.ok || issues.length > 0) {
      return answerInvalid(context, asked, issues);
    }
    const { value, exact } = parsed;
    invariant(Value.Check(schema, value), "a body without issues fits its schema");
    return await handle(context, asked, { value, exact });
  };

/** 422 with all that is wrong. */
export function answerInvalid(context: HttpContext, { subject }: Asked, issues: Issue[]): Response {
  context.refusals.count("invalid");
  context.audit.note("refusal", { subject, what: { reason: "invalid", status: 422 } });
  return invalid(answerOf(issues));
}

/**
 * Reading numbers with their digits is slow and blocks the thread that serves everybody (800 KB of them took 771 ms),
 * so the number of values is limited. The native parser reads a body of 1 MiB in 10 ms.
 * @throws Refusal 413 for a body with more values
 */
function requireFewValues(bytes: Uint8Array): void {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    // `parseJson` reports the error.
    if (error instanceof SyntaxError) return;
    throw error;
  }
  const rest: unknown[] = [value];
  for (let values = 0; rest.length > 0; values++) {
    if (values + rest.length > valuesMax)
      throw new Refusal(413, {
        reason: "too_large",
        text: `The body may hold ${valuesMax} values at most, those in lists among them`,
      });
    const next = rest.pop();
    if (typeof next === "object" && next !== null) for (const member of Object.values(next)) rest.push(member);
  }
}
