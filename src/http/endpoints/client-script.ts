/**
 * `GET /millrace.js`: the client for browsers, as one ES module.
 *
 * It is bundled from its source at the first request, in a process that then ends, and remembered: the start does not
 * wait for it, and the serving process does not keep the bundler's memory.
 */
import { fileURLToPath } from "node:url";
import { messageOf } from "../../base/errors.ts";
import { commonHeaders, Refusal } from "../answers.ts";
import type { HttpContext } from "../context.ts";

/** A bundle takes 0.1 s; on a machine that does not get there, the next request tries again. ms */
const bundleMsMax = 20_000;

type Script = { text: string; entityTag: string };

let remembered: Promise<Script> | undefined;

/**
 * Answers with the script, or with 304 to a browser that has it already.
 * @throws Refusal when it could not be bundled
 */
export async function clientScript({ log }: HttpContext, request: Request): Promise<Response> {
  remembered ??= bundle();
  const bundled = remembered;
  const script = await bundled.catch((error: unknown) => {
    if (remembered === bundled) remembered = undefined;
    log.error({ error: messageOf(error) }, "the client for browsers could not be bundled");
    const text = "The client cannot be served now; try again shortly";
    throw new Refusal(503, { reason: "not_bundled", text, headers: { "retry-after": "1" } });
  });
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
  if (request.headers.get("if-none-match") === script.entityTag) return new Response(null, { status: 304, headers });
  return new Response(script.text, { headers });
}

async function bundle(): Promise<Script> {
  const program = fileURLToPath(new URL("../../client/bundle.ts", import.meta.url));
  const child = Bun.spawn([process.execPath, program], {
    // Nothing of the service's own, which may hold its secret.
    env: {},
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: bundleMsMax,
  });
  const [text, complaint] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (child.exitCode !== 0 || text === "")
    throw new Error(`the bundler ended with ${child.exitCode ?? child.signalCode}: ${complaint.trim()}`);
  return { text, entityTag: `"${Bun.hash(text).toString(16)}"` };
}
