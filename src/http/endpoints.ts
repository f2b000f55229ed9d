/** Every path that is served, and by which methods: one table for routing, forwarding, 404 and 405. */

import { pageFiles } from "./endpoints/openapi-page.ts";

/** Where the endpoints of the API are. */
export const root = "/api/v1/analytics";

const read = "GET, HEAD";

/** Allowed methods of each path. The path is compared as it was sent: a second spelling of it is not served. */
export const methods: ReadonlyMap<string, string> = new Map([
  [root, "POST"],
  [`${root}/batch`, "POST"],
  [`${root}/query`, "POST"],
  [`${root}/erase`, "POST"],
  [`${root}/compact`, "POST"],
  [`${root}/import`, "POST"],
  [`${root}/quarantine`, "POST"],
  [`${root}/stats`, read],
  [`${root}/health`, read],
  ["/livez", read],
  ["/metrics", read],
  ["/openapi/json", read],
  ...[...pageFiles.keys()].map((path) => [path, read] as const),
]);
