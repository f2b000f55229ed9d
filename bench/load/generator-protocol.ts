/** The open-loop generator's order, on standard input, and its report, on standard output. Both are JSON. */
import { type Static, Type } from "@sinclair/typebox";

/** What it is told. */
export const orderSchema = Type.Object({
  hostname: Type.String(),
  port: Type.Integer(),
  path: Type.String(),
  token: Type.String(),
  /** File of bodies, one a line. */
  bodiesPath: Type.String(),
  /** Twelve hexadecimal digits, different in each run: part of the ids that clients make. */
  runTag: Type.String(),
  /** Requests a second. */
  perSecond: Type.Number(),
  seconds: Type.Number(),
  connections: Type.Integer(),
  /** The same seed makes the same times. */
  seed: Type.Integer(),
  /** Requests that may wait for a connection; past it they are dropped. */
  queueMax: Type.Integer(),
  /** How long answers are waited for after the last request was due. */
  drainSeconds: Type.Number(),
});

/** What it is told. */
export type Order = Static<typeof orderSchema>;

/** Latencies from the time a request was meant to be sent, and from the time it was: packed histograms. */
const latencySchema = Type.Object({ fromIntended: Type.String(), fromSent: Type.String() });

/** The report. Counts of requests unless stated otherwise. */
export const reportSchema = Type.Object({
  /** Fell due. */
  due: Type.Integer(),
  /** Written to a connection. */
  sent: Type.Integer(),
  /** Answered 2xx. */
  accepted: Type.Integer(),
  /** Answered 503. */
  unavailable: Type.Integer(),
  /** Answered 429. */
  limited: Type.Integer(),
  /** Answered with anything else. */
  other: Type.Integer(),
  /** Sent on a connection that broke before the answer. */
  broken: Type.Integer(),
  /** Sent, and not answered when the time for it was over. */
  unanswered: Type.Integer(),
  /** Never sent, because too many waited for a connection already. */
  dropped: Type.Integer(),
  /** Never sent, because all connections were busy to the end. */
  unsent: Type.Integer(),
  /** Processor time while the load lasted, and how long that was: from the first request to the last answer. */
  cpuSeconds: Type.Number(),
  wallSeconds: Type.Number(),
  /** From when a request was due to when it was sent, if a connection was free: the generator's own delay. */
  sendLag: Type.String(),
  accepts: latencySchema,
  /** Of 503 and 429. */
  refusals: latencySchema,
  /** Second by second, by the time of the answer: how many were accepted, and their p99 from the intended time. */
  course: Type.Array(Type.Object({ accepted: Type.Integer(), p99Ms: Type.Union([Type.Number(), Type.Null()]) })),
});

/** What it tells. */
export type Report = Static<typeof reportSchema>;
