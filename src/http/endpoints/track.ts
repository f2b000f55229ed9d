/** `POST /api/v1/analytics` and `/batch`: bytes and who sent them to a shard; its answer back. */
import { Overloaded } from "../../base/errors.ts";
import { unreachable } from "../../base/invariant.ts";
import type { FormName } from "../../event/forms.ts";
import { inflatedBytesLikely } from "../../shard/protocol.ts";
import { invalid, ok, Refusal } from "../answers.ts";
import type { AcceptContext } from "../context.ts";
import { encodingOf, receiveBody, requireJson, tooLarge } from "../edge/body.ts";

/**
 * Accepts what one request brings. The body is not looked at here: parsing and validation belong to the shard.
 * @throws Refusal, Overloaded or ActorDied
 */
export async function track(context: AcceptContext, request: Request, form: FormName): Promise<Response> {
  if (!context.isAccepting()) throw new Overloaded("stopping");
  const authorized = context.auth.authorize(request, "events:write");
  const { subject } = authorized instanceof Promise ? await authorized : authorized;
  requireJson(request);
  const encoding = encodingOf(request);
  if (context.isDiskLow()) throw new Overloaded("disk_low");
  context.requireRoom();
  const { bodyBytesMax } = context.limits;
  using hold = context.receipt.hold();
  const body = await receiveBody(request, bodyBytesMax, hold);
  const append = { body, form, encoding, subject };
  hold.growTo(Math.min(bodyBytesMax, inflatedBytesLikely(append)));
  const answer = await context.submit(append);
  switch (answer.kind) {
    case "accepted":
      return ok(answer.body);
    case "invalid":
      context.refusals.count("invalid");
      return invalid(answer.body);
    case "too_large":
      throw tooLarge(bodyBytesMax);
    case "not_inflated":
      throw new Refusal(400, { reason: "not_inflated", text: `The body is not valid ${encoding}` });
    case "overloaded":
      throw new Overloaded(answer.reason);
    default:
      return unreachable(answer);
  }
}
