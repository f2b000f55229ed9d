/** What the generator of the open loop prints: one line of JSON. */
import { type Static, Type } from "@sinclair/typebox";

/** Microseconds and how often, in rising order: a histogram without its empty buckets. */
const bucketsSchema = Type.Array(Type.Tuple([Type.Integer(), Type.Integer()]));

/** Of requests, by when they were due. */
const countsSchema = Type.Object({
  due: Type.Integer(),
  /** Written to a connection. */
  sent: Type.Integer(),
  /** Never sent, because too many waited for a connection already. */
  dropped: Type.Integer(),
  /** Never sent, because all connections were busy to the end. */
  unsent: Type.Integer(),
  /** Sent on a connection that broke before the answer. */
  broken: Type.Integer(),
  /** Sent, and not answered when the time for it was over. */
  unanswered: Type.Integer(),
  /** Status code, and how many answers had it. */
  statuses: Type.Array(Type.Tuple([Type.Integer(), Type.Integer()])),
});

/** From the time a request was meant to be sent, and from the time it was. */
const latencySchema = Type.Object({ fromIntended: bucketsSchema, fromSent: bucketsSchema });

/** The report; all but `warmUp` is of the time after the warm-up. */
export const reportSchema = Type.Object({
  warmUp: countsSchema,
  measured: countsSchema,
  /** Processor time of the generator, and how long that was: from the end of the warm-up to the last answer. */
  cpuSeconds: Type.Number(),
  wallSeconds: Type.Number(),
  /** From when a request was due to when it was sent, if a connection was free: the generator's own delay. */
  sendLag: bucketsSchema,
  accepts: latencySchema,
  /** Of 503 and 429. */
  refusals: latencySchema,
  /** Slice by slice, by the time of the answer: how many were accepted, and how late from the intended time. */
  course: Type.Array(
    Type.Object({
      accepted: Type.Integer(),
      p50Ms: Type.Union([Type.Number(), Type.Null()]),
      p99Ms: Type.Union([Type.Number(), Type.Null()]),
    }),
  ),
});

/** What it prints. */
export type Report = Static<typeof reportSchema>;
