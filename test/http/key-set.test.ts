/** Tokens of others: MILLRACE_JWKS, a file or a URL, and which of its keys count. */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { FetchedKeySet } from "../../src/http/token/fetched-key-set.ts";
import { parseKeySet } from "../../src/http/token/key-set.ts";
import { millrace } from "../support/command.ts";
import { keySetOf, newPair } from "../support/issuer.ts";
import { recordedLog } from "../support/recorded-log.ts";
import { expectRefused } from "../support/refusals.ts";
import { paths, sharedService, startService, testMsMax } from "../support/service.ts";
import { nowSeconds, signToken } from "../support/tokens.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const [rsa, ec, ed] = [newPair("RS256", "rsa"), newPair("ES256", "ec"), newPair("EdDSA", "ed")];
const later = newPair("ES256", "later");
const folder = mkdtempSync(join(tmpdir(), "millrace-jwks-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, "jwks.json");
writeFileSync(file, keySetOf(rsa, ec, ed));

const previous = "an earlier secret of more than thirty-two bytes";
const service = sharedService({ env: { MILLRACE_JWKS: file, MILLRACE_JWT_SECRET_PREVIOUS: previous } });
const asked = (token: string) => service().request(paths.stats, { token });
const statusOf = async (token: string) => (await asked(token)).status;

test("RS256, ES256 and EdDSA count, HS256 beside them, by the secret and the previous one", async () => {
  const claims = { sub: "tester", exp: nowSeconds() + 60 };
  const tokens = [rsa.token(), ec.token(), ed.token(), service().token({}), signToken({ claims, secret: previous })];
  expect(await Promise.all(tokens.map(statusOf))).toEqual([200, 200, 200, 200, 200]);
  await expectRefused(await asked(signToken({ claims, secret: `${previous}x` })), 401);
});

test("a token without kid is tried with the keys of its kind", async () => {
  expect(await statusOf(ec.token({}, { kid: undefined }))).toBe(200);
  expect(await statusOf(later.token({}, { kid: undefined }))).toBe(401);
});

test("claims and scopes count as in every other token", async () => {
  expect(await statusOf(ec.token({ nbf: nowSeconds() + 45 }))).toBe(200);
  expect(await statusOf(ec.token({ nbf: nowSeconds() + 90 }))).toBe(401);
  expect(await statusOf(ec.token({ exp: nowSeconds() - 1 }))).toBe(401);
  expect(await statusOf(ec.token({ exp: undefined }))).toBe(401);
  expect(await statusOf(ec.token({ scope: "events:write" }))).toBe(403);
});

test("keys are rotated in the file without a restart, and tokens in use end with their key", async () => {
  const inUse = rsa.token();
  expect([await statusOf(inUse), await statusOf(later.token())]).toEqual([200, 401]);
  writeFileSync(file, keySetOf(ec, ed, later));
  await until(async () => (await statusOf(later.token())) === 200, { what: "the new key", limitMs: 2_000 });
  expect([await statusOf(inUse), await statusOf(ed.token())]).toEqual([401, 200]);
  writeFileSync(file, "{");
  await until(() => service().stderr.includes("MILLRACE_JWKS"), { what: "the warning", limitMs: 2_000 });
  expect(await statusOf(later.token())).toBe(200);
  writeFileSync(file, keySetOf(rsa, ec, ed));
  await until(async () => (await statusOf(inUse)) === 200, { what: "the first keys", limitMs: 2_000 });
});

describe("a key of a set does not count when it", () => {
  const weak = generateKeyPairSync("rsa", { modulusLength: 1_024 }).publicKey.export({ format: "jwk" });
  const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey.export({ format: "jwk" });
  const ones = Buffer.alloc(32, 1).toString("base64url");
  test.each<[string, object, string]>([
    [
      "has its private part",
      { ...ec.privateKey.export({ format: "jwk" }), kid: "own" },
      '("own") has its private part',
    ],
    ["is symmetric", { kty: "oct", k: ones }, "is symmetric"],
    ["is an RSA key below 2048 bits", weak, "has 1024 bits"],
    ["has an exponent of 1", { ...rsa.jwk, e: "AQ" }, "worthless"],
    ["is of another curve", { ...p384, kid: "p384" }, "not supported"],
    ["is not on its curve", { ...ec.jwk, x: ones, y: ones }, "is not a valid key"],
    ["is for encryption", { ...rsa.jwk, use: "enc" }, "(use)"],
    ["is for signing alone", { ...rsa.jwk, key_ops: ["sign"] }, "(key_ops)"],
    ["is for another algorithm", { ...rsa.jwk, alg: "PS256" }, "another algorithm"],
    ["lacks a part", { ...rsa.jwk, n: undefined }, "lacks its n"],
    ["has a kid that is a number", { ...rsa.jwk, kid: 1 }, "kid"],
  ])("%s", (_what, key, why) => {
    const set = parseKeySet(keySetOf(key, newPair("EdDSA", "good")));
    expect(set.ignored).toHaveLength(1);
    expect(set.ignored[0]).toContain(why);
    expect(set.has("good")).toBe(true);
    expect(() => parseKeySet(keySetOf(key))).toThrow("none of its keys");
    const secret = ec.privateKey.export({ format: "jwk" }).d;
    expect(set.ignored.join()).not.toContain(secret ?? "");
  });

  test.each(["", "[]", "{}", '{"keys":{}}', '{"keys":"x"}', "null"])("and %j is not a set", (text) => {
    expect(() => parseKeySet(text)).toThrow("the key set");
  });
});

/** A key server, and the set that is fetched from it, by a clock that the test sets. */
async function fetching(answer: () => Response | Promise<Response>) {
  let answers = answer;
  let fetches = 0;
  let nowMs = 0;
  const answered = () => {
    fetches++;
    return answers();
  };
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => answered() });
  const { log, lines } = recordedLog();
  const clock = { ...systemClock, monotonicMs: () => nowMs };
  const set = await FetchedKeySet.open({ variable: "MILLRACE_JWKS", url: `${server.url}jwks`, log, clock });
  return {
    set,
    fetches: () => fetches,
    warnings: () => lines.filter(({ level }) => level === "warn").map((line) => String(line["problem"])),
    answers: (next: () => Response | Promise<Response>) => {
      answers = next;
    },
    pass: (ms: number) => {
      nowMs += ms;
    },
    [Symbol.asyncDispose]: async () => {
      set[Symbol.dispose]();
      await server.stop(true);
    },
  };
}

describe("a URL", () => {
  const good = () => new Response(keySetOf(ec));

  test("is fetched again for unknown keys, at most once in 5 s, however many ask", async () => {
    await using server = await fetching(good);
    expect(server.set.current?.has("ec")).toBe(true);
    const before = server.set.current;
    await Promise.all(Array.from({ length: 100 }, () => server.set.refresh()));
    expect(server.fetches()).toBe(2);
    expect(server.set.current).toBe(before);
    server.answers(() => new Response(keySetOf(ec, later)));
    server.pass(4_999);
    await server.set.refresh();
    expect([server.fetches(), server.set.current?.has("later")]).toEqual([2, false]);
    server.pass(1);
    await server.set.refresh();
    expect([server.fetches(), server.set.current?.has("later")]).toEqual([3, true]);
  });

  test.each<[string, () => Response | Promise<Response>, string]>([
    ["500", () => new Response("no", { status: 500 }), "answered 500"],
    ["a page", () => new Response("<html>"), "not JSON"],
    ["too many bytes", () => new Response("x".repeat(1_000_000)), "larger than"],
    ["a redirect", () => Response.redirect("http://127.0.0.1:9/", 302), ""],
    ["no answer", () => new Promise<Response>(() => undefined), ""],
  ])("that answers with %s leaves the last good set, with one warning", async (_what, answer, problem) => {
    await using server = await fetching(good);
    server.answers(answer);
    await server.set.refresh();
    server.pass(30_000);
    await server.set.refresh();
    expect(server.set.current?.has("ec")).toBe(true);
    expect(server.warnings()).toHaveLength(1);
    expect(server.warnings()[0]).toContain(problem);
    server.answers(good);
    server.pass(30_000);
    await server.set.refresh();
    expect(server.set.problem).toBeUndefined();
  });
});

test("a key server that is down at the start is a warning; its tokens are 503 until it answers, then good", async () => {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("", { status: 502 }) });
  const { port } = server;
  await using running = await startService({
    env: { MILLRACE_JWKS: `http://127.0.0.1:${port}/jwks`, MILLRACE_HS256: "off" },
  });
  const answer = (token: string) => running.request(paths.stats, { token });
  await expectRefused(await answer(ec.token()), 503);
  await expectRefused(await answer(running.token({})), 401);
  expect(await (await running.health()).text()).toContain("MILLRACE_JWKS: no key set could be fetched so far");
  server.reload({ fetch: () => new Response(keySetOf(ec)) });
  await until(async () => (await answer(ec.token())).status === 200, { what: "the keys", limitMs: 10_000 });
  await expectRefused(await answer(running.token({})), 401);
  // The commands of this machine still reach the service, and nobody signs as they do.
  const env = {
    MILLRACE_DATA_DIR: running.dataDir,
    MILLRACE_JWKS: `http://127.0.0.1:${port}/jwks`,
    MILLRACE_HS256: "off",
  };
  expect(await millrace(["compact"], { env })).toMatchObject({ code: 0 });
  expect(await millrace(["token", "--subject", "me"], { env })).toMatchObject({ code: 2, stdout: "" });
  await server.stop(true);
});
