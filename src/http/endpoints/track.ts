/** Endpoints that accept events: they send the bytes and the subject to a shard, and return its answer. */
import { type TSchema, Type } from "@sinclair/typebox";
import { Overloaded } from "../../base/errors.ts";
import { unreachable } from "../../base/invariant.ts";
import { type FormName, queuedIn } from "../../event/forms.ts";
import { batchSchema, eventSchema } from "../../event/schema.ts";
import { inflatedBytesLikely } from "../../shard/protocol.ts";
import { invalid, ok, Refusal } from "../answers.ts";
import type { AcceptContext } from "../context.ts";
import { encodingOf, receiveBody, requireJson, tooLarge } from "../edge/body.ts";
import type { Admission } from "../edge/rate-limit.ts";
import type { Asked, Documentation, Handle } from "../endpoint.ts";
import { answer, invalidBody, refusal } from "./documentation.ts";

/** The handler for bodies of a form. */
export const track =
  (form: FormName): Handle<AcceptContext> =>
  (context, asked) => {
    const admission = asked.principal === null ? undefined : context.rates.admit(asked.principal);
    if (admission === undefined) return accept(context, asked, { form });
    return admission.answering(accept(context, asked, { form, admission }));
  };

/**
 * Accepts one request's events. The body is not parsed here: the shard parses and validates it.
 * @throws Refusal, Overloaded or ActorDied
 */
async function accept(
  context: AcceptContext,
  { request, subject }: Asked,
  { form, admission }: { form: FormName; admission?: Admission },
): Promise<Response> {
  requireJson(request);
  const encoding = encodingOf(request);
  if (context.isDiskLow()) throw new Overloaded("disk_low");
  context.requireRoom();
  const { bodyBytesMax } = context.limits;
  using hold = context.receipt.hold();
  const body = await receiveBody(request, bodyBytesMax, hold);
  const append = { body, form, encoding, subject };
  hold.growTo(Math.min(bodyBytesMax, inflatedBytesLikely(append)));
  const given = await context.submit(append);
  switch (given.kind) {
    case "accepted":
      admission?.charge(queuedIn(given.body));
      return ok(given.body);
    case "invalid":
      context.refusals.count("invalid");
      context.audit.note("refusal", { subject, what: { reason: "invalid", status: 422 } });
      return invalid(given.body);
    case "too_large":
      throw tooLarge(bodyBytesMax);
    case "not_inflated":
      throw new Refusal(400, { reason: "not_inflated", text: `The body is not valid ${encoding}` });
    case "overloaded":
      throw new Overloaded(given.reason);
    default:
      return unreachable(given);
  }
}

const timestamp = Type.String({ format: "date-time", description: "When it was received, UTC" });

/** The answer to one event. */
const trackAnswerSchema = Type.Object(
  {
    success: Type.Boolean(),
    event_id: Type.String({ format: "uuid" }),
    message: Type.String(),
    timestamp,
    duplicate: Type.Boolean({ description: "Whether the id had been accepted before; the event is stored once" }),
  },
  { $id: "TrackAnswer" },
);

/** The answer to a batch. */
const batchAnswerSchema = Type.Object(
  {
    success: Type.Boolean(),
    events_received: Type.Integer(),
    events_queued: Type.Integer({ description: "Events accepted; duplicates count here, too" }),
    events_failed: Type.Integer(),
    message: Type.String(),
    timestamp,
    events_duplicate: Type.Integer({ description: "Events whose id had been accepted before; stored once" }),
  },
  { $id: "BatchAnswer" },
);

const ingest = (body: TSchema, accepted: TSchema): Pick<Documentation, "tag" | "body" | "answers"> => ({
  tag: "Analytics",
  body,
  answers: {
    200: answer("Accepted: synced to disk, unless the service runs with MILLRACE_ACK=buffered", accepted),
    400: refusal("The body was not received whole, or cannot be inflated"),
    413: refusal("The body is too large"),
    415: refusal("The body is not JSON, or its Content-Encoding is not gzip or zstd"),
    422: invalidBody(
      "The body is not valid; nothing of it is kept. The type `json_schema` is of properties that do not fit the schema of the event's name",
    ),
    429: refusal("The sender's rate limit is used up; Retry-After says when to send again, and RateLimit what is left"),
    503: refusal(
      "Not now: Retry-After says when to send it again. Where it says that the event may have been stored, use the same event_id",
    ),
  },
});

/** Documentation of the endpoint for one event. */
export const eventDocumentation: Documentation = {
  summary: "Track Event",
  operationId: "trackEvent",
  ...ingest(eventSchema, trackAnswerSchema),
};

/** Documentation of the endpoint for batches. */
export const batchDocumentation: Documentation = {
  summary: "Track Batch",
  operationId: "trackBatch",
  ...ingest(batchSchema, batchAnswerSchema),
};
