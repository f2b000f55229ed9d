/** Documentation that several endpoints share. */
import { type TSchema, Type } from "@sinclair/typebox";
import type { DocumentedAnswer } from "../endpoint.ts";

/** pydantic's list of what is wrong with a body. */
const validationErrorSchema = Type.Object(
  {
    detail: Type.Array(
      Type.Object({
        type: Type.String(),
        loc: Type.Array(Type.Union([Type.String(), Type.Integer()])),
        msg: Type.String(),
        input: Type.Unknown(),
        ctx: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
      }),
    ),
  },
  { $id: "HTTPValidationError" },
);

/** Any other refusal. */
const refusalSchema = Type.Object({ detail: Type.String() }, { $id: "Refusal" });

/** An answer in JSON. */
export const answer = (description: string, schema: TSchema): DocumentedAnswer => ({
  description,
  content: { "application/json": schema },
});

/** A refusal, which gives its reason in one sentence. */
export const refusal = (description: string): DocumentedAnswer => answer(description, refusalSchema);

/** The answer that lists all errors in a body. */
export const invalidBody = (description: string): DocumentedAnswer => answer(description, validationErrorSchema);
