/** `POST /api/v1/analytics/redrive`: for the command `redrive` alone, so it is not in the document. */
import { Type } from "@sinclair/typebox";
import { protocols } from "../../event/protocols.ts";
import { json } from "../answers.ts";
import { withJsonBody } from "./json-body.ts";
import { upkeepOf } from "./upkeep-of.ts";

const redriveSchema = Type.Object(
  {
    protocol: Type.Optional(Type.Union(protocols.map((protocol) => Type.Literal(protocol)))),
    since_ms: Type.Optional(Type.Integer()),
  },
  { additionalProperties: false },
);

/** Sends refused events again. */
export const redrive = withJsonBody(redriveSchema, async (context, { request, server, subject }, { value }) => {
  context.audit.note("act", { subject, what: { act: "redrive" } });
  // Tens of thousands of events take seconds.
  server?.timeout(request, 0);
  const { protocol, since_ms: sinceMs = Number.NEGATIVE_INFINITY } = value;
  return json(await upkeepOf(context).redrive({ protocol, sinceMs }, request.signal));
});
