/** `GET /api/v1/analytics/tail`: events as they are acknowledged, as server-sent events. */
import { Type } from "@sinclair/typebox";
import { Overloaded } from "../../base/errors.ts";
import { recordOf } from "../../base/record.ts";
import { categories } from "../../event/categories.ts";
import { fields } from "../../event/fields.ts";
import { type FilterName, filterNames, type TailFilter } from "../../tail/filter.ts";
import { type Place, parsePosition, positionText } from "../../tail/position.ts";
import { privateHeaders, Refusal } from "../answers.ts";
import type { HttpContext } from "../context.ts";
import { urlParameters } from "../edge/url-parameters.ts";
import type { Asked, Documentation } from "../endpoint.ts";
import { refusal } from "./documentation.ts";

/** `Retry-After` when as many streams are open as may be. Seconds. */
const retryAfterSeconds = 5;

const headers = {
  ...privateHeaders,
  "content-type": "text/event-stream",
  // nginx would collect the answer before it passes it on.
  "x-accel-buffering": "no",
};

/**
 * Opens a stream.
 * @throws Refusal 400 or 429
 */
export function tail(context: HttpContext, { request, server, subject }: Asked): Response {
  const { from, ...values } = urlParameters(request, [...filterNames, "from"]);
  const filter = filterOf(values);
  const first = positionOf(from);
  // A client that connects again by itself repeats its address, and the header says how far it got.
  const last = positionOf(request.headers.get("last-event-id") || undefined);
  const session = context.tail.open({
    subject,
    filter,
    from: last ?? first,
    isAllowed: () => isAllowed(context, request),
  });
  if (session === undefined)
    throw new Refusal(429, {
      reason: "tail_busy",
      text: "As many streams are open as may be, of all readers or of this subject; close one, or try again later",
      headers: { "retry-after": String(retryAfterSeconds) },
    });
  server?.timeout(request, 0);
  context.audit.note("query", { subject, what: { outcome: "tail", by: Object.keys(filter).join(" ") } });
  // A reader that loses its connection before the first message can resume from here.
  return new Response(session.body, {
    headers: { ...headers, "millrace-position": positionText(context.tail.placeOf(session)) },
  });
}

/** Whether the request would still be let in. While keys cannot be fetched it stays as it was. */
async function isAllowed({ auth }: HttpContext, request: Request): Promise<boolean> {
  try {
    await auth.authorize(request, "query");
    return true;
  } catch (error) {
    if (error instanceof Overloaded) return true;
    if (error instanceof Refusal) return false;
    throw error;
  }
}

/**
 * The values that events must have.
 * @throws Refusal 400
 */
function filterOf(given: Readonly<Partial<Record<FilterName, string>>>): TailFilter {
  const filter: Partial<Record<FilterName, string>> = {};
  for (const name of filterNames) {
    const value = given[name];
    if (value !== undefined) filter[name] = requirePossible(name, value);
  }
  return filter;
}

/** A value that no event can have is a mistake. An empty string is a value of the other columns. */
function requirePossible(name: FilterName, value: string): string {
  if (name === "category" && !categories.some((each) => each === value))
    throw invalid(`category must be one of ${categories.join(", ")}`);
  const { codePointsMax } = fields.event_name;
  if (name === "event_name" && (value === "" || [...value].length > codePointsMax))
    throw invalid(`event_name must have 1 to ${codePointsMax} characters`);
  return value;
}

function positionOf(text: string | undefined): Place | undefined {
  const position = text === undefined ? undefined : parsePosition(text);
  if (text !== undefined && position === undefined)
    throw invalid("from and Last-Event-ID must be the id of a message of this stream, as it was sent");
  return position;
}

const invalid = (text: string) => new Refusal(400, { reason: "tail_invalid", text });

/** Documentation of the endpoint. */
export const tailDocumentation: Documentation = {
  summary: "Follow Events",
  description: `Sends each event once it is acknowledged, as server-sent events: \`id\` is an opaque position, \`event\` is \`event\`, and \`data\` is the event in the columns of \`events\`. \`Last-Event-ID\`, or the parameter \`from\`, resumes after a position without loss, as long as journal or segments hold what follows it; what they do not hold any more is told by \`event: gap\` with \`{"missed": null}\`. A reader that takes nothing gets \`event: gap\` with the number of events that were left out; if it connects again from the event before, it gets them. Imported events are not shown. Needs the scope \`query\`.`,
  operationId: "followEvents",
  tag: "Analytics",
  parameters: Type.Object({
    ...recordOf(filterNames, (name) =>
      Type.Optional(Type.String({ description: `Only events whose ${name} is this` })),
    ),
    from: Type.Optional(
      Type.String({ description: "A position: the id of a message. The header Last-Event-ID counts before it" }),
    ),
  }),
  answers: {
    200: { description: "The events, until either side ends the stream", content: { "text/event-stream": undefined } },
    400: refusal("A parameter is not a filter, is given twice or cannot match; or the position is not one"),
    429: refusal("As many streams are open as may be; Retry-After says when to try again"),
    503: refusal("The service is stopping"),
  },
};
