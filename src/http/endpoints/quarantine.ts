/** `POST /api/v1/analytics/quarantine`: for the command `quarantine` alone, so it is not in the document. */
import { Type } from "@sinclair/typebox";
import { json, Refusal } from "../answers.ts";
import { withJsonBody } from "./json-body.ts";
import { upkeepOf } from "./upkeep-of.ts";

const quarantineSchema = Type.Object(
  { segment: Type.String({ minLength: 1, maxLength: 4096 }) },
  { additionalProperties: false },
);

/** Puts a segment into quarantine. */
export const quarantine = withJsonBody(quarantineSchema, async (context, { subject }, { value }) => {
  context.audit.note("act", { subject, what: { act: "quarantine" } });
  const outcome = await upkeepOf(context).quarantine(value.segment);
  if (outcome.kind === "refused") throw new Refusal(400, { reason: "invalid", text: outcome.why });
  const { file, range, why } = outcome;
  return json({ moved_to: file === undefined ? null : `quarantine/${file}`, ...range, reason: why });
});
