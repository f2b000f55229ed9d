/**
 * `GET /` and its files: the page for those who look. It is made by `src/page/bundle.ts` at the first request. Its
 * files hold no data: the page asks for everything with a token that a person pastes.
 */
import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import type { HttpContext } from "../context.ts";
import { bundleOf, entityTagOf } from "./bundle.ts";
import { pageHeaders } from "./page-headers.ts";
import { codingFor, hasAlready, tagInCoding } from "./representation.ts";

/** Content by name, as the bundler prints it. */
const printedFiles = Type.Record(Type.String(), Type.String());

const bundled = bundleOf(new URL("../../page/bundle.ts", import.meta.url), "the page", (text) => {
  const files = Value.Parse(printedFiles, JSON.parse(text));
  return new Map(Object.entries(files).map(([name, content]) => [name, packed(content)]));
});

const packed = (content: string) => ({
  identity: Buffer.from(content),
  gzip: Bun.gzipSync(Buffer.from(content), { level: 9 }),
  entityTag: entityTagOf(content),
});

/** Where each file is, by its name, and its type. The page names its files by relative URLs. */
const served = {
  "index.html": { path: "/", type: "text/html" },
  "icon.svg": { path: "/page/icon.svg", type: "image/svg+xml" },
  "page.css": { path: "/page/page.css", type: "text/css" },
  "page.js": { path: "/page/page.js", type: "text/javascript" },
} as const;

/** The paths of the page, each with its handler. */
export const pageFiles: readonly {
  path: string;
  answer: (context: HttpContext, request: Request) => Promise<Response>;
}[] = Object.entries(served).map(([name, { path, type }]) => ({
  path,
  answer: async (context, request) => {
    const file = (await bundled(context)).get(name);
    if (file === undefined) throw new Error(`the bundle has no ${name}`);
    const coding = codingFor(request);
    const entityTag = tagInCoding(file.entityTag, coding);
    const headers = { ...pageHeaders({ type, entityTag }), vary: "accept-encoding" };
    if (hasAlready(request, entityTag)) return new Response(null, { status: 304, headers });
    if (coding === "identity") return new Response(file.identity, { headers });
    return new Response(file.gzip, { headers: { ...headers, "content-encoding": coding } });
  },
}));
