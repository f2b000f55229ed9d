/**
 * The page under `/openapi` and its files, all served by this service: it works without a network, and no other host
 * sees who reads it. swagger-ui-dist: the page that FastAPI shows, too. It is one script and one style sheet, pinned by
 * the lock file. The alternative, Scalar, needs two hundred packages and fetches its fonts from another host.
 */
import { fileURLToPath } from "node:url";
import swaggerUi from "swagger-ui-dist/package.json" with { type: "json" };
import packageJson from "../../../package.json" with { type: "json" };
import { pageHeaders } from "./page-headers.ts";
import { hasAlready } from "./representation.ts";

/** URLs are relative, so that the page also works where a proxy serves it under a prefix. */
const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Millrace API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="openapi/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="openapi/swagger-ui-bundle.js"></script>
<script src="openapi/page.js"></script>
</body>
</html>
`;

/** Without a validator, which would send the document's address to another host. */
const script = `SwaggerUIBundle({ url: "openapi/json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null });
`;

/** One file of the page: its type, and its content or the path of it. */
type PageFile = { type: string; content: string | URL };

const swaggerFile = (name: string) => new URL(import.meta.resolve(`swagger-ui-dist/${name}`));

/** Changes with this package's version or that of swagger-ui. */
const entityTag = `"${packageJson.version}-${swaggerUi.version}"`;

/** Answers with a file of the page, or with 304 to a browser that has it already. */
function answerFile({ type, content }: PageFile, request: Request): Response {
  // The script sets styles on elements.
  const headers = pageHeaders({ type, entityTag, moreStyles: "'unsafe-inline'" });
  if (hasAlready(request, entityTag)) return new Response(null, { status: 304, headers });
  return new Response(typeof content === "string" ? content : Bun.file(fileURLToPath(content)), { headers });
}

/** The handlers of the page and its files, by path. */
export const openApiPageFiles: ReadonlyMap<string, (request: Request) => Response> = new Map(
  Object.entries({
    "/openapi": { type: "text/html", content: html },
    "/openapi/page.js": { type: "text/javascript", content: script },
    "/openapi/swagger-ui-bundle.js": { type: "text/javascript", content: swaggerFile("swagger-ui-bundle.js") },
    "/openapi/swagger-ui.css": { type: "text/css", content: swaggerFile("swagger-ui.css") },
  } satisfies Record<string, PageFile>).map(([path, file]) => [path, (request) => answerFile(file, request)]),
);
