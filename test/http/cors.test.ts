/** Which pages of other origins may read answers. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { isOrigin, originProblem } from "../../src/base/origin.ts";
import { Cors } from "../../src/http/edge/cors.ts";
import { endpoints } from "../../src/http/endpoints.ts";
import { fc } from "../support/property.ts";
import { rawHead, sendRaw } from "../support/raw.ts";
import { paths, type RequestOptions, type Service, sharedService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

const shop = "https://shop.example";
const own = sharedService({
  env: {
    MILLRACE_CORS_ORIGINS: `${shop}, http://localhost:8080,capacitor://localhost`,
    MILLRACE_MAX_BODY_BYTES: "200",
  },
});
const closed = sharedService();

/** What the headers of an answer say about CORS. */
const corsOf = ({ headers }: Response) =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith("access-control-")).sort());

const allowed = {
  "access-control-allow-credentials": "true",
  "access-control-allow-origin": shop,
  "access-control-expose-headers": "Retry-After, RateLimit, RateLimit-Policy",
};

const preflight = (of: Service, path: string, headers: Record<string, string>) =>
  of.request(path, {
    method: "OPTIONS",
    token: null,
    headers: { "access-control-request-method": "POST", ...headers },
  });

/** A request from a page. */
const from = (origin: string, path: string, { headers, ...options }: RequestOptions = {}) =>
  own().request(path, { ...options, headers: { ...headers, origin } });

test("a preflight passes for each origin of the list, with the headers that it asks for", async () => {
  const names = "authorization,content-type,x-write-key,rsa-retry-attempt, X-Retry-Count";
  for (const origin of [shop, "http://localhost:8080", "capacitor://localhost"])
    for (const path of [paths.track, paths.batch, paths.stats]) {
      const answer = await preflight(own(), path, { origin, "access-control-request-headers": names });
      expect([answer.status, await answer.text()]).toEqual([204, ""]);
      expect(corsOf(answer)).toEqual({
        ...allowed,
        "access-control-allow-origin": origin,
        "access-control-allow-headers": names,
        "access-control-allow-methods": "GET, HEAD, POST",
        "access-control-max-age": "7200",
      });
      expect(answer.headers.get("vary")).toBe("Access-Control-Request-Method, Access-Control-Request-Headers, Origin");
    }
});

test("a preflight from an intranet's outside gets no way in: private networks are not granted", async () => {
  const answer = await preflight(own(), paths.track, {
    origin: shop,
    "access-control-request-private-network": "true",
  });
  expect(answer.status).toBe(204);
  expect(answer.headers.has("access-control-allow-private-network")).toBe(false);
});

test.each([
  ["no name", "content type"],
  ["too long", "a,".repeat(1_025)],
  ["a value", "x-a: 1"],
  ["another alphabet", "x-é"],
])("a preflight that asks for what is not names of headers is 400: %s", async (_what, names) => {
  const answer = await preflight(own(), paths.track, { origin: shop, "access-control-request-headers": names });
  expect(answer.status).toBe(400);
  expect(corsOf(answer)).toEqual(allowed);
});

test.each([
  "https://shop.example.evil.example",
  "https://evil.example",
  "http://shop.example",
  "https://shop.example:8443",
  "https://SHOP.example",
  "https://shop.example/",
  "null",
  "",
  "*",
  "https://shop.example, https://evil.example",
])("an origin that is not in the list gets nothing, whatever it asks: %p", async (origin) => {
  const refused = await preflight(own(), paths.track, { origin, "access-control-request-headers": "authorization" });
  const read = await from(origin, paths.stats);
  expect([refused.status, read.status]).toEqual([405, 200]);
  for (const answer of [refused, read]) {
    expect(corsOf(answer)).toEqual({});
    expect(answer.headers.get("vary")).toBe("Origin");
  }
});

test("every answer to an allowed origin says so: each endpoint, and each refusal", async () => {
  const answers = [
    from(shop, paths.track, { body: '{"event_name":"cors"}' }),
    from(shop, paths.track, { body: "{" }),
    from(shop, paths.track, { body: "{}", token: null }),
    from(shop, paths.track, { body: "{}", token: own().token({ scope: "stats:read" }) }),
    from(shop, paths.track, { body: `{"event_name":"${"x".repeat(200)}"}` }),
    from(shop, paths.track, { body: "{}", headers: { "content-type": "text/plain" } }),
    from(shop, "/nowhere"),
    from(shop, "/%6detrics"),
    from(shop, paths.track, { method: "DELETE" }),
    ...endpoints.map(({ method, path }) => from(shop, path, { method, ...(method === "POST" ? { body: "[]" } : {}) })),
  ];
  const statuses = new Set<number>();
  for (const answer of await Promise.all(answers)) {
    statuses.add(answer.status);
    expect([answer.url, answer.status, corsOf(answer)]).toEqual([answer.url, answer.status, allowed]);
  }
  for (const status of [200, 400, 401, 403, 404, 405, 413, 415, 422]) expect(statuses).toContain(status);
  const { status, headers } = await sendRaw(
    own().url,
    rawHead("/livez", { host: "a b", headers: [`Origin: ${shop}`] }),
  );
  expect([status, headers.get("access-control-allow-origin")]).toEqual([400, shop]);
});

test("without an Origin an answer only says that it depends on one", async () => {
  const answer = await own().request(paths.stats);
  expect([corsOf(answer), answer.headers.get("vary")]).toEqual([{}, "Origin"]);
});

test("without the variable there is no CORS, and OPTIONS is 405 as before", async () => {
  const answer = await preflight(closed(), paths.track, { origin: shop });
  expect([answer.status, answer.headers.get("allow")]).toEqual([405, "POST"]);
  for (const each of [answer, await closed().request(paths.stats, { headers: { origin: shop } })])
    expect([corsOf(each), each.headers.get("vary")]).toEqual([{}, null]);
});

describe("`*` allows every origin", () => {
  const cors = new Cors({ origins: ["*"] });
  const answered = (origin: string) =>
    corsOf(cors.answered(new Request("http://x/", { headers: { origin } }), new Response("")));

  test("by its name, because of credentials", () => {
    expect(answered("https://any.example")).toEqual({
      ...allowed,
      "access-control-allow-origin": "https://any.example",
    });
  });

  test("`null`, as pages in a sandbox and from files have it, without credentials", () => {
    const { "access-control-allow-credentials": _, ...without } = allowed;
    expect(answered("null")).toEqual({ ...without, "access-control-allow-origin": "*" });
  });

  test("and nothing else is ever written into an answer", () => {
    fc.assert(
      fc.property(
        fc.string().filter((given) => !/[^\x20-\x7e]/.test(given)),
        (given) => {
          const allowedOrigin = answered(given)["access-control-allow-origin"];
          const sent = given.trim();
          expect(allowedOrigin).toBe(isOrigin(sent) ? sent : sent === "null" ? "*" : undefined);
        },
      ),
      { examples: [["*"], [" * "], ["null"], [""]] },
    );
  });
});

test.each([
  "https://shop.example",
  "http://localhost:3000",
  "http://127.0.0.1",
  "http://[::1]:8080",
  "https://xn--bcher-kva.example",
  "chrome-extension://abcdefghijklmnop",
  "capacitor://localhost",
])("%s is an origin", (given) => expect(originProblem(given)).toBeUndefined());

test.each([
  ["https://shop.example/", "browsers send https://shop.example"],
  ["https://Shop.example", "browsers send https://shop.example"],
  ["https://shop.example:443", "browsers send https://shop.example"],
  ["https://bücher.example", "browsers send https://xn--bcher-kva.example"],
  ["https://user:secret@shop.example", "browsers send https://shop.example"],
  ["shop.example", "such as https://shop.example"],
  ["https://*.shop.example", "such as https://shop.example"],
  ["https://", "such as"],
  ["https://shop.example:99999", "such as"],
  ["null", "such as"],
  ["", "such as"],
  ["file:///", "such as"],
])("%s is not one, and what to write is said", (given, told) => {
  expect(originProblem(given)).toContain(told);
  expect(originProblem(given)).not.toContain("secret");
});
