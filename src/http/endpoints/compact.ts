/** `POST /api/v1/analytics/compact`: merges segments. */
import { Type } from "@sinclair/typebox";
import { json } from "../answers.ts";
import type { HttpContext } from "../context.ts";
import type { Asked, Documentation } from "../endpoint.ts";
import { answer, refusal } from "./documentation.ts";
import { upkeepOf } from "./upkeep-of.ts";

/**
 * Merges all segments that can be merged, and answers when that is done.
 * @throws Overloaded or RewriteFailed
 */
export async function compact(context: HttpContext, { request, server, subject }: Asked): Promise<Response> {
  context.audit.note("act", { subject, what: { act: "compact" } });
  server?.timeout(request, 0);
  const { merges, repeatsRemoved, segments } = await upkeepOf(context).compact();
  return json({ merges, repeats_removed: repeatsRemoved, segments });
}

/** What a compaction did. */
const compactionSchema = Type.Object(
  {
    merges: Type.Integer(),
    repeats_removed: Type.Integer({ description: "Events whose `event_id` was stored before, now removed" }),
    segments: Type.Integer({ description: "Segments that there are now" }),
  },
  { $id: "Compaction" },
);

/** Documentation of the endpoint. */
export const compactDocumentation: Documentation = {
  summary: "Compact Segments",
  description: "Merges segments until there are as few as can be, and removes duplicates. Needs the scope `admin`.",
  operationId: "compactSegments",
  tag: "Operation",
  answers: {
    200: answer("What was done", compactionSchema),
    503: refusal("Not now; Retry-After says when to try again"),
  },
};
