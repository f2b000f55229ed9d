/** Revoked tokens: 401 within 2 s, also those that are in use. */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isRevoked, parseRevoked } from "../../src/http/token/revoked.ts";
import { expectRefused } from "../support/refusals.ts";
import { paths, sharedService, testMsMax } from "../support/service.ts";
import { nowSeconds, signToken } from "../support/tokens.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const folder = mkdtempSync(join(tmpdir(), "millrace-revoked-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, "revoked");
writeFileSync(file, "\uFEFF# stolen on Monday\njti:stolen\r\n\nsub:left us\njti:5\nsub:42\n");

const service = sharedService({ env: { MILLRACE_REVOKED: file } });

const tokenOf = (claims: Record<string, unknown>) =>
  signToken({ claims: { sub: "tester", exp: nowSeconds() + 3600, ...claims }, secret: service().secret });
const asked = (token: string) => service().request(paths.stats, { token });

test.each([
  ["its jti", { jti: "stolen" }],
  ["its subject", { sub: "left us" }],
  ["both", { jti: "stolen", sub: "left us" }],
  ["its jti, a number", { jti: 5 }],
  ["its subject, a number", { sub: 42 }],
])("a token that is revoked by %s is 401", async (_by, claims) => {
  await expectRefused(await asked(tokenOf(claims)), 401);
});

test("others are taken, also those whose jti is a revoked subject, or the other way round", async () => {
  for (const claims of [{}, { jti: "left us" }, { sub: "stolen" }, { sub: "left us too" }])
    expect((await asked(tokenOf(claims))).status).toBe(200);
});

test("a token in use is revoked by a new line within 2 s, and a damaged file changes nothing", async () => {
  const token = tokenOf({ jti: "in use" });
  expect((await asked(token)).status).toBe(200);
  appendFileSync(file, "jti:in use\n");
  await until(async () => (await asked(token)).status === 401, { what: "the token's end", limitMs: 2_000 });
  writeFileSync(file, "nonsense\n");
  const warning = async () => /MILLRACE_REVOKED: what is there now/.test(await (await service().health()).text());
  await until(warning, { what: "the warning in health", limitMs: 2_000 });
  expect((await service().health()).status).toBe(200);
  expect(service().stderr).toContain("line 1 must be jti:VALUE or sub:VALUE");
  await expectRefused(await asked(token), 401);
  writeFileSync(file, "jti:other\n");
  await until(async () => (await asked(token)).status === 200, { what: "the token's return", limitMs: 2_000 });
});

describe("a line is jti:VALUE or sub:VALUE", () => {
  test.each(["x", "jti", "jti:", "sub: ", "JTI:x", "exp:5", "jti :x", "jti:x\nsub"])("not %j", (text) => {
    expect(() => parseRevoked(text)).toThrow(/line \d must be jti:VALUE or sub:VALUE/);
  });

  test("a value may hold colons and spaces, and white space at its ends does not count", () => {
    const revoked = parseRevoked("sub:auth0|a:b c \r\njti:  x\t\n");
    expect(isRevoked(revoked, { jti: null, subject: "auth0|a:b c" })).toBe(true);
    expect(isRevoked(revoked, { jti: "x", subject: null })).toBe(true);
    expect(isRevoked(revoked, { jti: null, subject: null })).toBe(false);
  });
});
