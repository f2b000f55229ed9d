/** Who may do what: every request but health's carries a token that is checked in full. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { expectRefused } from "../support/refusals.ts";
import { paths, type Service, sharedService, testMsMax } from "../support/service.ts";
import { nowSeconds, signToken, type TokenParts } from "../support/tokens.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const issuer = "https://issuer.example.org";
const audience = "millrace-tests";
const service = sharedService();
const strict = sharedService({ env: { MILLRACE_JWT_ISSUER: issuer, MILLRACE_JWT_AUDIENCE: audience } });

const body = JSON.stringify({ event_name: "auth" });

/** One of each endpoint that needs a token. */
const requests: Record<string, (of: Service, headers: Record<string, string>) => Promise<Response>> = {
  track: (of, headers) => of.request(paths.track, { token: null, headers, body }),
  batch: (of, headers) => of.request(paths.batch, { token: null, headers, body: `{"events":[${body}]}` }),
  stats: (of, headers) => of.request(paths.stats, { token: null, headers }),
};

/** Signs what `claims` gives over `sub` and an `exp` in an hour; undefined takes a claim away. */
function signed(parts: Partial<TokenParts> & { readonly secret: string }): string {
  return signToken({ ...parts, claims: { sub: "tester", exp: nowSeconds() + 3600, ...parts.claims } });
}

/** Every header that must not let anybody in; made from the right secret. */
const bad: Record<string, (secret: string) => Record<string, string>> = {
  "no header": () => ({}),
  "an empty header": () => ({ authorization: "" }),
  "another scheme": () => ({ authorization: `Basic ${btoa("tester:secret")}` }),
  "a scheme without a token": () => ({ authorization: "Bearer " }),
  "a token without a scheme": (secret) => ({ authorization: signed({ secret }) }),
  "a word": () => ({ authorization: "Bearer nonsense" }),
  "three empty parts": () => ({ authorization: "Bearer .." }),
  "a token with a part more": (secret) => ({ authorization: `Bearer ${signed({ secret })}.x` }),
  "a token without its signature": (secret) => ({
    authorization: `Bearer ${signed({ secret }).replace(/[^.]+$/, "")}`,
  }),
  "a wrong signature": (secret) => ({ authorization: `Bearer ${signed({ secret: `${secret}x` })}` }),
  "claims changed after signing": (secret) => {
    const [header, , signature] = signed({ secret }).split(".");
    const [, claims] = signed({ secret, claims: { sub: "root" } }).split(".");
    return { authorization: `Bearer ${header}.${claims}.${signature}` };
  },
  "an exp that is over": (secret) => ({
    authorization: `Bearer ${signed({ secret, claims: { exp: nowSeconds() - 3600 } })}`,
  }),
  "no exp": (secret) => ({ authorization: `Bearer ${signed({ secret, claims: { exp: undefined } })}` }),
  "an exp that is no number": (secret) => ({
    authorization: `Bearer ${signed({ secret, claims: { exp: "tomorrow" } })}`,
  }),
  "an nbf to come": (secret) => ({
    authorization: `Bearer ${signed({ secret, claims: { nbf: nowSeconds() + 3600 } })}`,
  }),
  ...Object.fromEntries(
    ["1e999", "-1e999", "-1", "253402300800", "1e15", '"9999999999"', "null", "true", "[9999999999]", "{}"].map(
      (exp) => [
        `an exp of ${exp}`,
        (secret: string) => ({
          authorization: `Bearer ${signToken({ claims: {}, claimsText: `{"sub":"tester","exp":${exp}}`, secret })}`,
        }),
      ],
    ),
  ),
  ...Object.fromEntries(
    ['"nbf":-1e999', '"nbf":1e999', '"nbf":"0"', '"nbf":-5', '"iat":1e999', '"iat":"now"'].map((claim) => [
      `a claim of ${claim}`,
      (secret: string) => ({
        authorization: `Bearer ${signToken({ claims: {}, claimsText: `{"exp":${nowSeconds() + 600},${claim}}`, secret })}`,
      }),
    ]),
  ),
  "an exp that was over a moment ago": (secret) => ({
    authorization: `Bearer ${signed({ secret, claims: { exp: nowSeconds() - 1 } })}`,
  }),
  "an nbf to come in more than a minute": (secret) => ({
    authorization: `Bearer ${signed({ secret, claims: { nbf: nowSeconds() + 90 } })}`,
  }),
  "a token with seven kilobytes of anything behind it": (secret) => ({
    authorization: `Bearer ${signed({ secret })}${" ".repeat(7_000)}x`,
  }),
  "a token and more in a header that is longer than the service looks at": (secret) => ({
    authorization: `Bearer ${signed({ secret })}${" ".repeat(8_000)}${"x".repeat(3_000)}`,
  }),
  "a header of more than 8 KB": (secret) => ({
    authorization: `Bearer ${signed({ secret, claims: { more: "x".repeat(7_000) } })}`,
  }),
  "a token with a colon and more behind it": (secret) => ({ authorization: `Bearer ${signed({ secret })}:x` }),
  "two tokens": (secret) => ({ authorization: `Bearer ${signed({ secret })}, Bearer ${signed({ secret })}` }),
  "a signature with padding": (secret) => ({ authorization: `Bearer ${signed({ secret })}=` }),
  "a signature with other bits behind its last byte": (secret) => ({
    authorization: `Bearer ${signed({ secret }).replace(/.$/, (last) => {
      // 256 bits are 43 characters of six: the last one has two bits too many, which are zero.
      const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
      return alphabet[alphabet.indexOf(last) + 1] ?? "";
    })}`,
  }),
  "a signature in the other alphabet of base64": (secret) => {
    for (let turn = 0; ; turn++) {
      const token = signed({ secret, claims: { turn } });
      const [head, claims, signature = ""] = token.split(".");
      if (/[-_]/.test(signature))
        return { authorization: `Bearer ${head}.${claims}.${signature.replaceAll("-", "+").replaceAll("_", "/")}` };
    }
  },
  "alg none with a signature": (secret) => ({
    authorization: `Bearer ${signed({ secret, header: { alg: "none", typ: "JWT" } })}`,
  }),
  "alg none without one": (secret) => ({
    authorization: `Bearer ${signed({ secret, header: { alg: "none" } }).replace(/[^.]+$/, "")}`,
  }),
  "HS384 by the same secret": (secret) => ({
    authorization: `Bearer ${signed({ secret, hash: "sha384", header: { alg: "HS384", typ: "JWT" } })}`,
  }),
  "HS512 by the same secret": (secret) => ({
    authorization: `Bearer ${signed({ secret, hash: "sha512", header: { alg: "HS512", typ: "JWT" } })}`,
  }),
  "a crit that nobody knows": (secret) => ({
    authorization: `Bearer ${signed({ secret, header: { alg: "HS256", crit: ["x"], x: 1 } })}`,
  }),
};

describe.each(Object.keys(requests))("%s is 401 for", (endpoint) => {
  test.each(Object.keys(bad))("%s", async (kind) => {
    const headers = bad[kind]?.(service().secret) ?? {};
    await expectRefused((await requests[endpoint]?.(service(), headers)) ?? Response.error(), 401);
  });
});

test("nobody without a token learns whether a body is valid", async () => {
  await expectRefused(await service().request(paths.track, { token: null, body: "{" }), 401);
  await expectRefused(await service().request(paths.batch, { token: "x", body: "{}" }), 401);
});

test("clocks may differ by a minute before a token counts as not yet valid", async () => {
  const token = signed({ secret: service().secret, claims: { nbf: nowSeconds() + 45, iat: nowSeconds() + 45 } });
  expect((await service().request(paths.stats, { token })).status).toBe(200);
});

test("a good token is taken under any spelling of Bearer", async () => {
  for (const scheme of ["Bearer", "bearer", "BEARER"]) {
    const headers = { authorization: `${scheme} ${service().token({})}` };
    expect((await service().request(paths.stats, { token: null, headers })).status).toBe(200);
  }
});

describe("scope", () => {
  test.each([
    ["absent", undefined, { track: 200, batch: 200, stats: 200 }],
    ["events:write", "events:write", { track: 200, batch: 200, stats: 403 }],
    ["stats:read", "stats:read", { track: 403, batch: 403, stats: 200 }],
    ["both", "events:write stats:read", { track: 200, batch: 200, stats: 200 }],
    ["query alone", "query", { track: 403, batch: 403, stats: 403 }],
    ["a longer word", "events:writes stats:reads", { track: 403, batch: 403, stats: 403 }],
  ])("%s", async (_what, scope, expected) => {
    const token = service().token(scope === undefined ? {} : { scope });
    const headers = { authorization: `Bearer ${token}` };
    for (const [endpoint, status] of Object.entries(expected)) {
      const response = await requests[endpoint]?.(service(), headers);
      expect({ endpoint, status: response?.status }).toEqual({ endpoint, status });
      if (status === 403 && response !== undefined) await expectRefused(response, 403);
    }
  });
});

test("a token that is in use stops working at its exp", async () => {
  const exp = nowSeconds() + 2;
  const token = signed({ secret: service().secret, claims: { exp } });
  const status = async () => (await service().request(paths.track, { token, body })).status;
  expect([await status(), await status()]).toEqual([200, 200]);
  await until(() => Date.now() >= (exp + 1) * 1000, { what: "the token's end", limitMs: 5_000 });
  expect([await status(), await status()]).toEqual([401, 401]);
});

test("an expired token is told from nothing else: its refusal is a 401 like all", async () => {
  const token = signed({ secret: service().secret, claims: { exp: nowSeconds() - 60 } });
  await expectRefused(await service().request(paths.stats, { token }), 401);
});

describe("issuer and audience, when set", () => {
  test.each<[string, Record<string, unknown>, number]>([
    ["right", { iss: issuer, aud: audience }, 200],
    ["right, among other audiences", { iss: issuer, aud: ["other", audience] }, 200],
    ["no issuer", { aud: audience }, 401],
    ["no audience", { iss: issuer }, 401],
    ["another issuer", { iss: `${issuer}/`, aud: audience }, 401],
    ["another audience", { iss: issuer, aud: "other" }, 401],
  ])("%s", async (_what, claims, status) => {
    const token = signed({ secret: strict().secret, claims });
    const response = await strict().request(paths.track, { token, body });
    if (status === 401) await expectRefused(response, 401);
    else expect(response.status).toBe(status);
  });
});
