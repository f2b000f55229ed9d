/** What mappers need to know of a request, beside its body. */
import type { RequestFacts } from "../../../adapter/mapped.ts";

/** The media type, lower case, without parameters; empty if there is none. */
export const mediaTypeOf = ({ headers }: Request): string =>
  headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase() ?? "";

/** The segments of a request's path, without empty ones. */
export const segmentsOf = ({ url }: Request): string[] =>
  new URL(url).pathname.split("/").filter((segment) => segment !== "");

/** Headers of the binary form of CloudEvents begin with this. */
const cloudEventPrefix = "ce-";

/** What a request says about its events. */
export function factsOf(request: Request, from: Pick<RequestFacts, "receivedAtMs" | "keyName" | "type">): RequestFacts {
  const cloudEvent: Record<string, string> = {};
  for (const [name, value] of request.headers)
    if (name.startsWith(cloudEventPrefix)) cloudEvent[name.slice(cloudEventPrefix.length)] = value;
  const userAgent = request.headers.get("user-agent") ?? undefined;
  return { ...from, userAgent, contentType: mediaTypeOf(request), cloudEvent };
}
