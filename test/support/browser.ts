/** A real Chromium, the server of its pages, and a proxy in front of the service that fails as a test tells it. */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import chromium from "@sparticuz/chromium";
import puppeteer, { type Browser } from "puppeteer-core";

/** A write key of the pages. */
export const pageKey = "mrw_0123456789abcdefghijklmnopqrstuv";

/** Starts Chromium, which reaches 127.0.0.1 and no other host. */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = await chromium.executablePath();
  // Its own default arguments switch the web's security off. No SDK reaches its vendor from here.
  const args = ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"];
  return await puppeteer.launch({ executablePath, headless: "shell", args });
}

/** Serves pages and their scripts: `answer` gives the content of a path, HTML unless the path ends with `.js`. */
export function servePages(answer: (path: string) => string | Blob): Bun.Server<undefined> {
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ url }) => {
      const { pathname } = new URL(url);
      const type = pathname.endsWith(".js") ? "text/javascript" : "text/html";
      return new Response(answer(pathname), { headers: { "content-type": type } });
    },
  });
}

/** A request on its way to the service. */
export type Passing = { readonly method: string; readonly path: string; readonly body: ArrayBuffer };

/** What becomes of it: `pass` gives the service's own answer. */
export type Fault = (request: Passing, pass: () => Promise<Response>) => Promise<Response>;

/**
 * A proxy whose address stays the same across restarts of the service. It removes `prefix` from paths, and knows no
 * other ones.
 */
export function startProxy(service: () => string, fault: () => Fault, prefix = ""): Bun.Server<undefined> {
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch: async (request) => {
      const { pathname: asked, search } = new URL(request.url);
      if (!`${asked}/`.startsWith(`${prefix}/`)) return new Response("no such page", { status: 404 });
      const pathname = asked.slice(prefix.length) || "/";
      const { method, headers } = request;
      const body = await request.arrayBuffer();
      const pass = () =>
        // What the service packed stays packed: its header says so.
        fetch(service() + pathname + search, {
          method,
          headers,
          decompress: false,
          ...(body.byteLength > 0 ? { body } : {}),
        });
      return await fault()({ method, path: pathname, body }, pass);
    },
  });
}

/** Writes a file with `pageKey`, for pages of one origin. */
export function writePageKey(path: string, origin: string): void {
  const entry = { name: "web", key_sha256: createHash("sha256").update(pageKey).digest("hex"), origins: [origin] };
  writeFileSync(path, JSON.stringify({ keys: [entry] }));
}
