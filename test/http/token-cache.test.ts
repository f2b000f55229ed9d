/** What is remembered of tokens is bounded, whatever clients send. */
import { expect, test } from "bun:test";
import { Authenticator } from "../../src/http/token/auth.ts";
import { hs256Of, signToken } from "../../src/http/token/hs256.ts";
import { TokenCache } from "../../src/http/token/token-cache.ts";
import { signToken as signTest } from "../support/tokens.ts";

const tokensMax = 10_000;
const bytesMax = 8 * 1024 * 1024;

test("it holds ten thousand tokens and eight megabytes at most, the youngest ones", () => {
  for (const length of [100, 2_000, 8_000]) {
    const cache = new TokenCache<number>();
    for (let token = 0; token < 2 * tokensMax; token++) {
      cache.set(String(token).padStart(length, "x"), { value: token, expiresMs: 10 });
      expect(cache.held.tokens <= tokensMax && cache.held.bytes <= bytesMax).toBe(true);
    }
    const youngest = 2 * tokensMax - 1;
    expect(cache.get(String(youngest).padStart(length, "x"), 0)).toBe(youngest);
    expect(cache.get("0".padStart(length, "x"), 0)).toBeUndefined();
  }
});

test("an expired token is forgotten, and one that is remembered again takes its place once", () => {
  const cache = new TokenCache<string>();
  cache.set("a", { value: "first", expiresMs: 10 });
  cache.set("a", { value: "second", expiresMs: 20 });
  const { bytes } = cache.held;
  expect(cache.get("a", 19)).toBe("second");
  expect(cache.get("a", 20)).toBeUndefined();
  expect(cache.held).toEqual({ tokens: 0, bytes: 0 });
  cache.set("a", { value: "third", expiresMs: 30 });
  expect(cache.held.bytes).toBe(bytes);
});

test("a clock that is set back does not let in a token before its nbf, though it was valid already", async () => {
  const secret = "x".repeat(32);
  let nowMs = 1_000_000_000;
  const auth = new Authenticator({
    hs256: [hs256Of(secret)],
    issuer: undefined,
    audience: undefined,
    clock: { nowMs: () => nowMs, monotonicMs: () => 0 },
  });
  const token = signTest({ claims: { sub: "a", nbf: 1_000_000, exp: 2_000_000 }, secret });
  const asked = async () => await auth.authorizeKey(token, new Request("http://x/"), "events:write");
  expect((await asked()).subject).toBe("a");
  nowMs -= 60_000;
  expect((await asked()).subject).toBe("a");
  nowMs -= 1_000;
  await expect(asked()).rejects.toThrow("not valid");
});

test("ten thousand spellings of the header of one token are one entry, or refused", async () => {
  const secret = "x".repeat(32);
  const clock = { nowMs: () => 1_000_000 };
  const auth = new Authenticator({
    hs256: [hs256Of(secret)],
    issuer: undefined,
    audience: undefined,
    clock: { ...clock, monotonicMs: clock.nowMs },
  });
  const claims = { subject: "a", scope: undefined, ttlSeconds: 60, issuer: undefined, audience: undefined };
  const token = await signToken(secret, { ...claims, nowMs: clock.nowMs() });
  const schemes = ["Bearer", "bearer", "BEARER", "bEARER"];
  const endings = ["", "=", "==", ".", "x", "%", "A", "B"];
  for (let spaces = 1; spaces <= 300; spaces++)
    for (const scheme of schemes)
      for (const ending of endings) {
        const headers = { authorization: `${scheme}${" ".repeat(spaces)}${token}${ending}` };
        const asked = async () => auth.authorize(new Request("http://x/", { headers }), "events:write");
        if (ending === "") expect((await asked()).subject).toBe("a");
        else await expect(asked()).rejects.toThrow();
      }
  expect(auth.remembered.tokens).toBe(1);
});
