/** The paths of other vendors' SDKs. */
import type { Endpoint } from "../../endpoint.ts";
import { acceptFrom } from "./accept.ts";
import type { VendorPath } from "./delivery.ts";
import {
  posthogConfig,
  posthogFlags,
  posthogRecording,
  posthogScript,
  rudderSource,
  segmentSettings,
} from "./settings.ts";

/** Each takes events of a protocol; `last`: the path's last segment names the kind of event. */
const accepting: readonly (VendorPath & { paths: readonly string[] })[] = [
  { protocol: "segment", typeOf: () => undefined, paths: ["/v1/batch", "/v1/b", "/v1/import"] },
  {
    protocol: "segment",
    typeOf: (segments) => segments.at(-1),
    paths: [
      ...["t", "p", "i", "g", "a", "s", "track", "page", "identify", "group", "alias", "screen"].map(
        (type) => `/v1/${type}`,
      ),
      "/api/s/:type",
      "/api/s/s2s/:type",
    ],
  },
  {
    protocol: "posthog",
    typeOf: () => undefined,
    paths: ["/batch", "/e", "/i/v0/e", "/capture", "/track"],
  },
  { protocol: "otlp", typeOf: () => undefined, paths: ["/v1/logs"] },
  { protocol: "cloudevents", typeOf: () => undefined, paths: ["/ce"] },
];

/** Answers that need no token, by method and path. */
const asking = [
  ["GET", "/v1/projects/:key/settings", segmentSettings],
  ["GET", "/sourceConfig", rudderSource],
  ["GET", "/array/:key/config", posthogConfig],
  ["GET", "/array/:key/config.js", posthogScript],
  ["POST", "/flags", posthogFlags],
  ["POST", "/decide", posthogFlags],
  ["POST", "/s", posthogRecording],
] as const;

/**
 * Their endpoints, each with and without a final slash. They are not in the OpenAPI document: they follow the vendors'
 * own documents, and nobody should generate a client for them.
 */
export const vendorEndpoints: readonly Endpoint[] = [
  ...accepting.flatMap(({ paths, ...path }) =>
    paths.map(
      (each): Place => ({
        method: "POST",
        path: each,
        scope: "events:write",
        admits: "handler",
        handle: acceptFrom(path),
      }),
    ),
  ),
  ...asking.map(
    ([method, path, answer]): Place => ({
      method,
      path,
      scope: undefined,
      handle: (_context, asked) => answer(asked),
    }),
  ),
].flatMap((place) => ["", "/"].map((slash) => ({ ...place, path: place.path + slash, documentation: undefined })));

type Place = Omit<Endpoint, "documentation">;
