/** `POST /api/v1/analytics/erase` and `/compact`, which require the scope `admin`. */
import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import type { Server } from "bun";
import { Overloaded } from "../../base/errors.ts";
import { answerOf, type Issue } from "../../event/parse/issue.ts";
import { isRecord, parseJson } from "../../event/parse/parse.ts";
import { type ErasureRequest, erasureRequestSchema } from "../../store/catalog/erasures.ts";
import type { Upkeep } from "../../upkeep/upkeep.ts";
import { invalid, json, Refusal } from "../answers.ts";
import type { HttpContext } from "../context.ts";
import { readBody, requireJson } from "../edge/body.ts";

/**
 * Erases events and answers with the receipt, once no byte of them is left; with `dry_run`, only counts them. A client that goes
 * before the erasure is written down ends it.
 * @throws Refusal, Overloaded, RewriteRefused, RewriteFailed or ActorDied
 */
export async function erase(context: HttpContext, request: Request, server: Server<unknown> | null): Promise<Response> {
  const { upkeep, subject } = await admitted(context, request);
  requireJson(request);
  const body = parseJson(await readBody(request, context));
  const read = body.ok ? requestOf(body.value) : body;
  if (!read.ok) {
    context.refusals.count("invalid");
    return invalid(answerOf(read.issues));
  }
  // Many large segments take minutes.
  server?.timeout(request, 0);
  const { signal } = request;
  if (read.isDryRun) {
    const { events, notSearched } = await upkeep.forecastErasure(read.request, signal);
    return json({ dry_run: true, would_erase: events, not_searched: notSearched });
  }
  const { receipt, notSearched } = await upkeep.erase(read.request, subject, signal);
  return json({
    id: receipt.id,
    erased: receipt.events,
    erased_at: new Date(receipt.erasedAtMs).toISOString(),
    by: receipt.by,
    request_hash: receipt.requestHash,
    catalog_version: receipt.catalogVersion,
    not_searched: notSearched,
  });
}

/**
 * Merges all that can be merged, and answers when that is done.
 * @throws Refusal, Overloaded, RewriteFailed or ActorDied
 */
export async function compact(
  context: HttpContext,
  request: Request,
  server: Server<unknown> | null,
): Promise<Response> {
  const { upkeep } = await admitted(context, request);
  server?.timeout(request, 0);
  const { merges, repeatsRemoved, segments } = await upkeep.compact();
  return json({ merges, repeats_removed: repeatsRemoved, segments });
}

const importedSchema = Type.Object(
  {
    // A name and no path: nothing outside its folder can be meant.
    file: Type.String({ pattern: "^[0-9a-f-]{36}\\.ndjson$" }),
    events: Type.Integer({ minimum: 1 }),
    line_bytes_max: Type.Integer({ minimum: 1 }),
    ids: Type.Integer({ minimum: 0 }),
  },
  { additionalProperties: false },
);

/**
 * Seals a file that `millrace import` put into the folder; for that command alone, so it is not documented.
 * @throws Refusal, Overloaded, RewriteFailed or ActorDied
 */
export async function importLines(
  context: HttpContext,
  request: Request,
  server: Server<unknown> | null,
): Promise<Response> {
  const { upkeep } = await admitted(context, request);
  requireJson(request);
  const body = parseJson(await readBody(request, context));
  if (!body.ok) return invalid(answerOf(body.issues));
  if (!Value.Check(importedSchema, body.value))
    throw new Refusal(400, { reason: "invalid", text: "This is not a file of an import" });
  const { file, events, line_bytes_max, ids } = body.value;
  server?.timeout(request, 0);
  return json({ imported: await upkeep.importLines({ file, events, lineBytesMax: line_bytes_max, ids }) });
}

const quarantineSchema = Type.Object(
  { segment: Type.String({ minLength: 1, maxLength: 4096 }) },
  { additionalProperties: false },
);

/**
 * Puts a segment into quarantine; for the command `quarantine` alone, so it is not documented.
 * @throws Refusal, Overloaded, RewriteFailed or ActorDied
 */
export async function quarantine(context: HttpContext, request: Request): Promise<Response> {
  const { upkeep } = await admitted(context, request);
  requireJson(request);
  const body = parseJson(await readBody(request, context));
  if (!body.ok) return invalid(answerOf(body.issues));
  if (!Value.Check(quarantineSchema, body.value))
    throw new Refusal(400, { reason: "invalid", text: "The body is an object with a string `segment`" });
  const outcome = await upkeep.quarantine(body.value.segment);
  if (outcome.kind === "refused") throw new Refusal(400, { reason: "invalid", text: outcome.why });
  const { file, range, why } = outcome;
  return json({ moved_to: file === undefined ? null : `quarantine/${file}`, ...range, reason: why });
}

async function admitted(context: HttpContext, request: Request): Promise<{ upkeep: Upkeep; subject: string | null }> {
  const { subject } = await context.auth.authorize(request, "admin");
  const upkeep = context.upkeep();
  if (!context.isAccepting() || upkeep === undefined) throw new Overloaded("stopping");
  return { upkeep, subject };
}

type ReadRequest = { ok: true; request: ErasureRequest; isDryRun: boolean } | { ok: false; issues: Issue[] };

function requestOf(value: unknown): ReadRequest {
  const { dry_run: dryRun, ...request } = isRecord(value) ? value : {};
  const issues: Issue[] = [];
  const names = erasureRequestSchema.anyOf.flatMap(({ properties }) => Object.keys(properties));
  const msg = `Input should be an object with one of ${names.join(", ")}, a string`;
  const isRequest = Value.Check(erasureRequestSchema, request);
  if (!isRequest) issues.push({ type: "model_attributes_type", loc: ["body"], msg, input: value });
  // Nothing but a plain false or true: whoever means a dry run must never get the other.
  if (dryRun !== undefined && typeof dryRun !== "boolean")
    issues.push({ type: "bool_type", loc: ["body", "dry_run"], msg: "Input should be a valid boolean", input: dryRun });
  return isRequest && issues.length === 0 ? { ok: true, request, isDryRun: dryRun === true } : { ok: false, issues };
}
