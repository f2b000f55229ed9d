/** The bodies that the contract promises, as schemas: an answer that has another shape fails where it is read. */
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";

const utc = Type.String({ pattern: "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,6})?Z$" });
const uuid = Type.String({ pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$" });
const count = Type.Integer({ minimum: 0 });

/** 200 of one event. */
export const trackAnswer = Type.Object({
  success: Type.Literal(true),
  event_id: uuid,
  message: Type.String(),
  timestamp: utc,
  duplicate: Type.Boolean(),
});

/** 200 of a batch. */
export const batchAnswer = Type.Object({
  success: Type.Literal(true),
  events_received: count,
  events_queued: count,
  events_failed: count,
  message: Type.String(),
  timestamp: utc,
  events_duplicate: count,
});

const categoryCounts = Type.Object(
  {
    page_view: count,
    user_action: count,
    trading: count,
    auth: count,
    error: count,
    performance: count,
    feature: count,
    system: count,
  },
  { additionalProperties: false },
);

/** 200 of stats. */
export const statsAnswer = Type.Object({
  total_events: count,
  events_by_category: categoryCounts,
  events_today: count,
  events_this_hour: count,
  buffer_status: Type.Object({
    buffer_size: count,
    max_buffer_size: count,
    flush_interval_seconds: Type.Number(),
    last_flush: Type.Union([utc, Type.Null()]),
    events_pending: count,
    events_flushed_total: count,
  }),
});

/** Any answer of health. */
export const healthAnswer = Type.Object({ status: Type.String() });

/** 401, 403, 404, 405, 413, 415, 429 and 503. */
export const refusal = Type.Object({ detail: Type.String({ minLength: 1 }) }, { additionalProperties: false });

/** One entry of a 422. */
export const issue = Type.Object(
  {
    type: Type.String(),
    loc: Type.Array(Type.Union([Type.String(), Type.Integer()]), { minItems: 1 }),
    msg: Type.String(),
    input: Type.Unknown(),
    ctx: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  },
  { additionalProperties: false },
);

/** 422. */
export const validationAnswer = Type.Object(
  { detail: Type.Array(issue, { minItems: 1 }) },
  { additionalProperties: false },
);

/** 200 of one event. */
export type TrackAnswer = Static<typeof trackAnswer>;
/** 200 of a batch. */
export type BatchAnswer = Static<typeof batchAnswer>;
/** 200 of stats. */
export type StatsAnswer = Static<typeof statsAnswer>;
/** One entry of a 422. */
export type Issue = Static<typeof issue>;

/**
 * `value`, proven to have the schema's shape.
 * @throws Error naming the first difference and showing the value
 */
export function shaped<T extends TSchema>(schema: T, value: unknown): Static<T> {
  if (Value.Check(schema, value)) return value;
  const first = Value.Errors(schema, value).First();
  throw new Error(`${first?.path ?? ""} ${first?.message ?? "has another shape"}: ${JSON.stringify(value)}`);
}
