/** What leaves the service: JSON bodies, and the only place where an error becomes a status. */
import { ActorDied, Overloaded } from "../base/errors.ts";
import { ErasureResumed, RewriteBlocked, RewriteFailed, RewriteRefused } from "../upkeep/rewriter.ts";

/** A request that ends with `{"detail": …}`. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  /** The label of the metric. */
  readonly reason: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the audit log has a line about it that says more than a refusal's. */
  readonly isAudited: boolean;
  /** Who was refused, where the request's headers do not tell; undefined: they do, or nobody is known. */
  readonly subject: string | null | undefined;

  constructor(
    status: number,
    detail: {
      reason: string;
      text: string;
      headers?: Record<string, string>;
      isAudited?: boolean;
      subject?: string | null | undefined;
    },
  ) {
    super(detail.text);
    this.status = status;
    this.reason = detail.reason;
    this.headers = detail.headers ?? {};
    this.isAudited = detail.isAudited ?? false;
    this.subject = detail.subject;
  }

  /** The same refusal with more headers. */
  with(headers: Readonly<Record<string, string>>): Refusal {
    const { status, reason, message: text, isAudited, subject } = this;
    return new Refusal(status, { reason, text, headers: { ...this.headers, ...headers }, isAudited, subject });
  }

  /** The same refusal, of a sender that is known. */
  of(subject: string | null): Refusal {
    const { status, reason, message: text, headers, isAudited } = this;
    return new Refusal(status, { reason, text, headers: { ...headers }, isAudited, subject });
  }
}

/**
 * Headers of every answer, whatever it is: a browser never guesses its type, and tells no other host its address.
 * `Server` is not among them, because the runtime sends none.
 */
export const commonHeaders = { "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" };

/**
 * Headers of every answer that is not for everybody: no cache keeps it, and no page of another origin embeds it. Pages
 * that CORS allows still read it: the policy concerns requests without CORS.
 */
export const privateHeaders = {
  ...commonHeaders,
  "cache-control": "no-store",
  "cross-origin-resource-policy": "same-origin",
};

const jsonHeaders = { ...privateHeaders, "content-type": "application/json" };
// Made once: copying a `Headers` is faster than reading headers from an object.
const okInit = { headers: new Headers(jsonHeaders) };
const invalidInit = { status: 422, headers: new Headers(jsonHeaders) };

/** 200 with a body that is already JSON. */
export const ok = (body: string) => new Response(body, okInit);

/** 422 with a body that is already JSON. */
export const invalid = (body: string) => new Response(body, invalidInit);

/** A value as JSON, with any status. */
export const json = (value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}) =>
  new Response(JSON.stringify(value), { status, headers: { ...jsonHeaders, ...headers } });

const overloadTexts: Record<Overloaded["reason"], string> = {
  bodies_full: "Too many bodies are on their way; try again shortly",
  buffer_full: "The buffer is full; try again shortly",
  disk_low: "The disk is full; try again later",
  commit_failed: "The disk failed, and the event may have been stored; send it again with the same event_id",
  commit_late: "The event may have been stored; send it again with the same event_id",
  disk_slow: "The disk does not answer; try again shortly",
  journal_failed: "Events cannot be stored now; try again shortly",
  queue_full: "Too many requests wait; try again shortly",
  no_key_set: "The keys for this token cannot be fetched now; try again shortly",
  no_shard: "No shard accepts events now; try again shortly",
  stopping: "The service is stopping; try again shortly",
};

/** `Retry-After` when a thread died with a request. Seconds. */
const retryAfterSeconds = 1;

/** `Retry-After` when a person has to act first. Seconds. */
const blockedRetryAfterSeconds = 60;

/** The refusal for an expected error; undefined for a bug. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error;
  if (error instanceof Overloaded)
    return new Refusal(503, {
      reason: error.reason,
      text: overloadTexts[error.reason],
      headers: { "retry-after": String(error.retryAfterSeconds) },
    });
  if (error instanceof RewriteRefused) return new Refusal(400, { reason: "condition_refused", text: error.message });
  if (error instanceof RewriteBlocked)
    return new Refusal(503, {
      reason: "upkeep_blocked",
      text: error.message,
      headers: { "retry-after": String(blockedRetryAfterSeconds) },
    });
  if (error instanceof RewriteFailed)
    return new Refusal(503, {
      reason: "upkeep_failed",
      text:
        error instanceof ErasureResumed
          ? "Not finished yet; the work continues in the background. Try again shortly"
          : "Not finished; send it again shortly",
      headers: { "retry-after": String(retryAfterSeconds) },
    });
  if (error instanceof ActorDied)
    return new Refusal(503, {
      reason: "shard_died",
      text: "The request was interrupted, and the event may have been stored; send it again with the same event_id",
      headers: { "retry-after": String(retryAfterSeconds) },
    });
  if (error instanceof Error && error.name === "AbortError")
    return new Refusal(400, { reason: "client_gone", text: "The body was not received whole" });
  return undefined;
}

/** The answer to a refusal. */
export const refused = (refusal: Refusal) => json({ detail: refusal.message }, refusal.status, refusal.headers);
