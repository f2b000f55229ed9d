/**
 * Endpoints for other vendors' SDKs. A request is opened and mapped by the adapters' thread, and its events go to the
 * shards in the form of our own API. Good events are stored, bad ones kept as refused; 200 means that all are durable.
 *
 * An SDK drops a batch after 400, 401, 404 or 413, and some after 500. So these are only for what will never succeed;
 * everything that passes is 429 with `Retry-After`.
 */
import { mayNameKey } from "../../../adapter/body-key.ts";
import { openedBytesLikely } from "../../../adapter/body-text.ts";
import { protobufType } from "../../../adapter/protocol.ts";
import { messageOf, Overloaded } from "../../../base/errors.ts";
import type { Protocol } from "../../../event/protocols.ts";
import { Refusal, refusalOf } from "../../answers.ts";
import type { HttpContext } from "../../context.ts";
import { encodingOf, receiveBody } from "../../edge/body.ts";
import type { BodyHold } from "../../edge/receipt.ts";
import type { Asked, Handle } from "../../endpoint.ts";
import { credentialOf } from "../../token/credential.ts";
import { Delivery, type VendorPath } from "./delivery.ts";
import { mediaTypeOf } from "./facts.ts";

/** The handler of a path. */
export const acceptFrom =
  (path: VendorPath): Handle<HttpContext> =>
  async (context, asked) => {
    const delivery = new Delivery(context, asked.request, path);
    try {
      return await accept(context, asked, delivery);
    } catch (error) {
      const refusal = passing(error, context);
      throw delivery.sender === undefined ? refusal : refusal.of(delivery.sender.subject);
    }
  };

/** `Retry-After` after a fault of our own. Seconds. */
const faultRetrySeconds = 5;

/** An error as these SDKs understand it: what may pass is 429. */
function passing(error: unknown, { log }: Pick<HttpContext, "log">): Refusal {
  const refusal = refusalOf(error);
  if (refusal === undefined) {
    log.error({ error: messageOf(error), stack: error instanceof Error ? error.stack : undefined }, "request failed");
    const headers = { "retry-after": String(faultRetrySeconds) };
    return new Refusal(429, { reason: "internal", text: "Internal error; try again shortly", headers });
  }
  if (refusal.status < 500) return refusal;
  const { reason, message: text, headers, subject } = refusal;
  return new Refusal(429, { reason, text, headers: { ...headers }, subject });
}

/** @throws Refusal, Overloaded or ActorDied */
async function accept(context: HttpContext, { request }: Asked, delivery: Delivery): Promise<Response> {
  if (!context.isAccepting()) throw new Overloaded("stopping");
  const isInHeaders = !mayNameKey(delivery.protocol) || credentialOf(request.headers) !== undefined;
  if (isInHeaders) delivery.isFrom(await context.auth.authorize(request, "events:write"));
  const answer = isInHeaders ? deliverKnown(context, request, delivery) : deliverByKey(context, request, delivery);
  await Promise.allSettled([answer]);
  return await (delivery.admission?.answering(answer) ?? answer);
}

async function deliverKnown(context: HttpContext, request: Request, delivery: Delivery): Promise<Response> {
  using hold = context.receipt.hold();
  const body = await receive(context, request, delivery.protocol, hold);
  return delivery.answer(
    await context.adapters.map({ protocol: delivery.protocol, body }, delivery.facts, delivery.take),
  );
}

/** The body names the key: until it is verified, the body counts in the strangers' share of the room. */
async function deliverByKey(context: HttpContext, request: Request, delivery: Delivery): Promise<Response> {
  const { auth, adapters, receipt } = context;
  using hold = receipt.holdForStranger();
  const body = await receive(context, request, delivery.protocol, hold);
  const factsOf = async (key: string | undefined) => {
    const scope = "events:write";
    delivery.isFrom(
      await (key === undefined ? auth.authorize(request, scope) : auth.authorizeKey(key, request, scope)),
    );
    hold.known();
    return delivery.facts;
  };
  return delivery.answer(await adapters.mapByKey({ protocol: delivery.protocol, body }, factsOf, delivery.take));
}

/** @throws Refusal 413 or 415; Overloaded */
async function receive(
  context: HttpContext,
  request: Request,
  protocol: Protocol,
  hold: BodyHold,
): Promise<Uint8Array> {
  if (protocol === "otlp") requireOtlpType(mediaTypeOf(request));
  encodingOf(request);
  if (context.isDiskLow()) throw new Overloaded("disk_low");
  context.requireRoom();
  const { bytesMax } = context.adapters;
  const body = await receiveBody(request, bytesMax, hold);
  hold.growTo(openedBytesLikely(body, bytesMax));
  return body;
}

/** @throws Refusal 415 */
function requireOtlpType(contentType: string): void {
  if (contentType === protobufType || contentType === "application/json") return;
  const text = `The body must be application/json or ${protobufType}`;
  throw new Refusal(415, { reason: "unsupported_media_type", text });
}
