/**
 * What is bundled from source for browsers: at the first request, in a process that then ends, and remembered. The
 * start does not wait for it, and the serving process does not keep the bundler's memory.
 */
import { fileURLToPath } from "node:url";
import { messageOf } from "../../base/errors.ts";
import { Refusal } from "../answers.ts";
import type { HttpContext } from "../context.ts";

/** A bundle takes 0.1 s; on a machine that does not get there, the next request tries again. ms */
const bundleMsMax = 20_000;

/**
 * Returns a function that gives what the program at `url` prints, as `read` understands it. `what` names it in the log
 * and in the refusal.
 * @throws Refusal when it could not be bundled
 */
export function bundleOf<T>(url: URL, what: string, read: (text: string) => T): (context: HttpContext) => Promise<T> {
  let remembered: Promise<T> | undefined;
  return async ({ log }) => {
    remembered ??= printed(fileURLToPath(url)).then(read);
    const bundled = remembered;
    return await bundled.catch((error: unknown) => {
      if (remembered === bundled) remembered = undefined;
      log.error({ error: messageOf(error) }, `${what} could not be bundled`);
      const text = "It cannot be served now; try again shortly";
      throw new Refusal(503, { reason: "not_bundled", text, headers: { "retry-after": "1" } });
    });
  };
}

/** Changes with the content. */
export const entityTagOf = (text: string): string => `"${Bun.hash(text).toString(16)}"`;

async function printed(program: string): Promise<string> {
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
  return text;
}
