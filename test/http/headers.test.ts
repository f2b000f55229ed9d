/** Headers that browsers and caches heed, on every answer. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { endpoints } from "../../src/http/endpoints.ts";
import { paths, type RequestOptions, sharedService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

const service = sharedService();

const scope = "events:write stats:read query admin";

/** Scripts that pages of other origins load. */
const scripts = new Set(["/millrace.js", "/array/:key/config.js", "/array/:key/config.js/"]);

/** The answers to a request that is refused, and to one that is not. */
const answersOf = (path: string, options: RequestOptions) =>
  Promise.all([
    service().request(path, { ...options, token: null }),
    service().request(path, { ...options, token: service().token({ scope }) }),
  ]);

test.each(endpoints.map(({ method, path, scope: needed }) => [method, path, needed] as const))(
  "%s %s: no guessed types, no address to others, nothing kept that needs a token",
  async (method, path, needed) => {
    for (const answer of await answersOf(path, {
      method,
      ...(method === "POST" ? { body: '{"sql":"SELECT 1"}' } : {}),
    })) {
      const { headers, status } = answer;
      expect([status, headers.get("x-content-type-options")]).toEqual([status, "nosniff"]);
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("cross-origin-resource-policy")).toBe(scripts.has(path) ? "cross-origin" : "same-origin");
      expect(headers.get("server")).toBeNull();
      const isJson = headers.get("content-type")?.startsWith("application/json") === true;
      if (needed !== undefined || isJson) expect(headers.get("cache-control")).toBe("no-store");
      if (headers.get("content-type")?.startsWith("text/html") === true)
        expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    }
  },
);

test.each([
  ["an unknown path", "/nowhere", {}],
  ["a path that is not plain", "/%6detrics", {}],
  ["another method", paths.track, { method: "DELETE" }],
  ["a body of another type", paths.track, { body: "x", headers: { "content-type": "text/plain" } }],
  ["an event", paths.track, { body: '{"event_name":"headers"}' }],
  ["a body that is not valid", paths.track, { body: "{" }],
] satisfies [string, string, RequestOptions][])("the same for %s", async (_what, path, options) => {
  for (const { headers } of await answersOf(path, options)) {
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("cache-control")).toBe("no-store");
  }
});
