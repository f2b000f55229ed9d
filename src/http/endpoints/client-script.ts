/** `GET /millrace.js`: the client for browsers, as one ES module. */
import { commonHeaders } from "../answers.ts";
import type { HttpContext } from "../context.ts";
import { bundleOf, entityTagOf } from "./bundle.ts";
import { hasAlready } from "./representation.ts";

const bundled = bundleOf(new URL("../../client/bundle.ts", import.meta.url), "the client for browsers", (text) => ({
  text,
  entityTag: entityTagOf(text),
}));

/**
 * Answers with the script, or with 304 to a browser that has it already.
 * @throws Refusal when it could not be bundled
 */
export async function clientScript(context: HttpContext, request: Request): Promise<Response> {
  const script = await bundled(context);
  const headers = {
    ...commonHeaders,
    "content-type": "text/javascript; charset=utf-8",
    // A page of any origin may load it: it holds nothing but code.
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
    // A new release is in use within the hour.
    "cache-control": "public, max-age=3600",
    etag: script.entityTag,
  };
  if (hasAlready(request, script.entityTag)) return new Response(null, { status: 304, headers });
  return new Response(script.text, { headers });
}
