/**
 * The catalogue of attacks on tokens: each is a 401, whatever it is made of, and nothing of it is remembered. Each
 * begins with a token that is taken, and changes one thing.
 */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash, createHmac, generateKeyPairSync, sign } from "node:crypto";
import { systemClock } from "../../src/base/clock.ts";
import { Refusal } from "../../src/http/answers.ts";
import { Authenticator } from "../../src/http/token/auth.ts";
import { hs256Of } from "../../src/http/token/hs256.ts";
import { parseKeySet } from "../../src/http/token/key-set.ts";
import { parseRevoked } from "../../src/http/token/revoked.ts";
import { keySetOf, newPair } from "../support/issuer.ts";
import { testMsMax } from "../support/service.ts";
import { nowSeconds, signToken, signTokenByKey } from "../support/tokens.ts";

setDefaultTimeout(testMsMax);

const secret = "the secret of this service, long enough";
const issuer = "https://issuer.example";
const audience = "millrace";
const [rsa, ec, ed] = [newPair("RS256", "rsa"), newPair("ES256", "ec"), newPair("EdDSA", "ed")];
const [thief, enc] = [newPair("ES256", "ec"), newPair("RS256", "enc")];
const weak = generateKeyPairSync("rsa", { modulusLength: 1_024 });
const oct = Buffer.from("a symmetric key that stands in a published set");
const set = parseKeySet(
  keySetOf(
    rsa,
    ec,
    ed,
    { ...enc.jwk, use: "enc" },
    { ...weak.publicKey.export({ format: "jwk" }), kid: "weak" },
    { kty: "oct", kid: "oct", alg: "HS256", k: oct.toString("base64url") },
  ),
);
let refreshes = 0;
const options = {
  keySet: {
    current: () => set,
    refresh: async () => {
      refreshes++;
    },
  },
  issuer,
  audience,
  revoked: (() => {
    const revoked = parseRevoked("jti:stolen\nsub:gone");
    return () => revoked;
  })(),
  clock: systemClock,
};
const auth = new Authenticator({ ...options, hs256: [hs256Of(secret)] });
const withoutHs256 = new Authenticator({ ...options, hs256: [] });

/** Where a thief would like the service to fetch keys from. */
let calls = 0;
const lure = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: () => {
    calls++;
    return new Response(keySetOf(thief));
  },
});
afterAll(() => lure.stop(true));

const claims = (more: Record<string, unknown> = {}) => ({
  sub: "tester",
  iss: issuer,
  aud: audience,
  exp: nowSeconds() + 600,
  ...more,
});
const hs = (more: Record<string, unknown> = {}, header: Record<string, unknown> = { alg: "HS256" }) =>
  signToken({ claims: claims(more), secret, header });
const es = (more: Record<string, unknown> = {}, header: Record<string, unknown> = {}) => ec.token(claims(more), header);
const written = (text: string) => {
  const whole = JSON.stringify(claims({ exp: undefined })).replace(/}$/, `,${text}}`);
  return signTokenByKey({ claims: {}, claimsText: whole, alg: "ES256", key: ec.privateKey, header: { kid: "ec" } });
};
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const parts = (token: string) => token.split(".") as [string, string, string];
const withSignature = (token: string, change: (signature: Buffer) => Buffer) => {
  const [header, payload, signature] = parts(token);
  return `${header}.${payload}.${change(Buffer.from(signature, "base64url")).toString("base64url")}`;
};
const withHeader = (token: string, header: unknown) => [part(header), ...parts(token).slice(1)].join(".");
const hmac = (header: Record<string, unknown>, key: string | Buffer) => {
  const signed = `${part(header)}.${part(claims())}`;
  return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
};
const flipped = (at: number) => (bytes: Buffer) => {
  const copy = Buffer.from(bytes);
  copy.writeUInt8((copy.at(at) ?? 0) ^ 1, at < 0 ? copy.length + at : at);
  return copy;
};
/** The same signature of Ed25519 with the group's order added to its second half, as lenient verifiers take it. */
const plusOrder = (bytes: Buffer) => {
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  let sum = order + BigInt(`0x${Buffer.from(bytes.subarray(32)).reverse().toString("hex")}`);
  const copy = Buffer.from(bytes);
  for (let at = 32; at < 64; at++, sum >>= 8n) copy.writeUInt8(Number(sum & 255n), at);
  return copy;
};
const pem = (type: "spki" | "pkcs1") => rsa.publicKey.export({ type, format: "pem" });
const der = rsa.publicKey.export({ type: "spki", format: "der" });
const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey;
const toLure = `${lure.url}jwks`;

const attacks: Record<string, Record<string, () => string>> = {
  "no signature": {
    ...Object.fromEntries(
      ["none", "None", "nOnE", "NONE", "none ", ""].flatMap((alg) => [
        [`alg ${JSON.stringify(alg)}, signature kept`, () => withHeader(hs(), { alg })],
        [
          `alg ${JSON.stringify(alg)}, signature empty`,
          () => withSignature(withHeader(hs(), { alg }), () => Buffer.of()),
        ],
      ]),
    ),
    stripped: () => withSignature(hs(), () => Buffer.of()),
    "stripped, of a key set": () => withSignature(es(), () => Buffer.of()),
    "two parts": () => parts(hs()).slice(0, 2).join("."),
    "JSON serialization without signatures": () => JSON.stringify({ payload: parts(hs())[1], signatures: [] }),
    "flattened JSON serialization": () => {
      const [protectedHeader, payload, signature] = parts(hs());
      return JSON.stringify({ protected: protectedHeader, payload, signature });
    },
  },
  "another algorithm": {
    ...Object.fromEntries(
      [undefined, null, 1, true, ["HS256"], { alg: "HS256" }, "hs256", "HS256 ", "HS256\0", "HS384", "toString"].map(
        (alg) => [`alg ${JSON.stringify(alg)} over HS256`, () => hs({}, { alg })],
      ),
    ),
    ...Object.fromEntries(
      ["RS256", "PS256", "RS512", "ES384", "ES512", "ES256K", "EdDSA", "Ed25519", "HS256"].map((alg) => [
        `alg ${alg} over ES256`,
        () => es({}, { alg }),
      ]),
    ),
    "HS256 by the PEM of the RSA key": () => hmac({ alg: "HS256", kid: "rsa" }, pem("spki")),
    "HS256 by its other PEM": () => hmac({ alg: "HS256", kid: "rsa" }, pem("pkcs1")),
    "HS256 by the PEM without its last line break": () => hmac({ alg: "HS256" }, String(pem("spki")).trimEnd()),
    "HS256 by its DER": () => hmac({ alg: "HS256", kid: "rsa" }, der),
    "HS256 by its modulus": () => hmac({ alg: "HS256", kid: "rsa" }, String(rsa.jwk["n"])),
    "HS256 by its JWK": () => hmac({ alg: "HS256", kid: "rsa" }, JSON.stringify(rsa.jwk)),
    "HS256 by the symmetric key of the set": () => hmac({ alg: "HS256", kid: "oct" }, oct),
    "HS256 by an empty secret": () => hmac({ alg: "HS256", kid: "/dev/null" }, ""),
    "HS256 by the hash of the secret": () => hmac({ alg: "HS256" }, createHash("sha256").update(secret).digest()),
  },
  "a wrong signature": {
    truncated: () => withSignature(hs(), (bytes) => bytes.subarray(0, 16)),
    "one byte short": () => withSignature(es(), (bytes) => bytes.subarray(0, 63)),
    "one byte long": () => withSignature(es(), (bytes) => Buffer.concat([bytes, Buffer.of(0)])),
    "first bit": () => withSignature(rsa.token(claims()), flipped(0)),
    "last bit": () => withSignature(ed.token(claims()), flipped(-1)),
    "of another token": () => [...parts(es()).slice(0, 2), parts(es({ sub: "root" }))[2]].join("."),
    "claims of another token": () => [parts(es())[0], parts(es({ sub: "root" }))[1], parts(es())[2]].join("."),
    "ES256 of zeros": () => withSignature(es(), () => Buffer.alloc(64)),
    "ES256 with r of zero": () => withSignature(es(), (bytes) => Buffer.concat([Buffer.alloc(32), bytes.subarray(32)])),
    "ES256 with s of zero": () =>
      withSignature(es(), (bytes) => Buffer.concat([bytes.subarray(0, 32), Buffer.alloc(32)])),
    "ES256 of ones": () => withSignature(es(), () => Buffer.alloc(64, 255)),
    "ES256 in DER": () => {
      const [header, payload] = parts(es());
      return `${header}.${payload}.${sign("sha256", Buffer.from(`${header}.${payload}`), ec.privateKey).toString("base64url")}`;
    },
    "RS256 of zeros": () => withSignature(rsa.token(claims()), () => Buffer.alloc(256)),
    "RS256 of one": () => withSignature(rsa.token(claims()), () => Buffer.concat([Buffer.alloc(255), Buffer.of(1)])),
    "EdDSA of zeros": () => withSignature(ed.token(claims()), () => Buffer.alloc(64)),
    "EdDSA with the order added": () => withSignature(ed.token(claims()), plusOrder),
    "of a thief's key under a known kid": () => thief.token(claims()),
    "on another curve": () => signTokenByKey({ claims: claims(), alg: "ES256", key: p384, header: { kid: "ec" } }),
    "of a weak RSA key of the set": () =>
      signTokenByKey({ claims: claims(), alg: "RS256", key: weak.privateKey, header: { kid: "weak" } }),
    "of a key of the set for encryption": () => enc.token(claims()),
  },
  "a kid that reaches elsewhere": {
    ...Object.fromEntries(
      [
        "../../../dev/null",
        "' UNION SELECT 'x",
        "__proto__",
        "constructor",
        "toString",
        "",
        "ec\0",
        "EC",
        "rsa",
        toLure,
      ].map((kid) => [`ES256, ${JSON.stringify(kid)}`, () => es({}, { kid })]),
    ),
    ...Object.fromEntries(
      [1, null, ["ec"], { kid: "ec" }, true].map((kid) => [`ES256, ${JSON.stringify(kid)}`, () => es({}, { kid })]),
    ),
    "HS256 by an empty secret": () => hmac({ alg: "HS256", kid: "../../../dev/null" }, ""),
  },
  "a header that brings its own key": {
    jwk: () => thief.token(claims(), { jwk: thief.jwk }),
    "jwk, without kid": () => thief.token(claims(), { kid: undefined, jwk: thief.jwk }),
    jku: () => thief.token(claims(), { jku: toLure }),
    x5u: () => thief.token(claims(), { x5u: toLure }),
    x5c: () => thief.token(claims(), { x5c: [der.toString("base64")] }),
    "jku, of a kid that nobody knows": () => thief.token(claims(), { kid: "thief", jku: toLure }),
  },
  "a header that asks for more": {
    "crit of an unknown name": () => es({}, { crit: ["x"], x: 1 }),
    "crit of a known claim": () => es({}, { crit: ["exp"], exp: 1 }),
    "an empty crit": () => es({}, { crit: [] }),
    "crit that is no list": () => es({}, { crit: "x" }),
    "b64 false": () => es({}, { crit: ["b64"], b64: false }),
    "the notice of a logout": () => es({}, { typ: "logout+jwt" }),
    "an event about a user": () => es({}, { typ: "secevent+jwt" }),
    "typ that is no string": () => es({}, { typ: ["JWT"] }),
    "a header that is a list": () => withHeader(es(), ["ES256"]),
    "a header that is null": () => withHeader(es(), null),
    "a header that is not JSON": () => `${Buffer.from("{").toString("base64url")}.${parts(es()).slice(1).join(".")}`,
  },
  "another spelling": {
    padding: () => `${hs()}=`,
    "the other alphabet": () => {
      for (let turn = 0; ; turn++) {
        const token = hs({ turn });
        if (/[-_]/.test(parts(token)[2])) return token.replaceAll("-", "+").replaceAll("_", "/");
      }
    },
    "bits behind the last byte": () =>
      hs().replace(/.$/, (last) => (last === "A" ? "B" : String.fromCharCode(last.charCodeAt(0) + 1))),
    "a line break": () => hs().replace(".", ".\n"),
    "a space": () => ` ${hs()}`,
    "NUL behind it": () => `${hs()}\0`,
    "NUL before it": () => `\0${hs()}`,
    "NUL and more": () => `${hs()}\0.x`,
    "a part more": () => `${hs()}.x`,
    "an empty part more": () => `${hs()}.`,
    twice: () => `${hs()}.${hs()}`,
    "more than 8 KB": () => hs({ more: "x".repeat(7_000) }),
    "eight megabytes": () => `${"A".repeat(8_000_000)}.A.A`,
    "a million dots": () => ".".repeat(1_000_000),
    nothing: () => "",
    "dots alone": () => "..",
  },
  "another thing than a token": {
    "an encrypted token": () => [part({ alg: "dir", enc: "A256GCM" }), "", "AAAA", "AAAA", "AAAA"].join("."),
    "a token in a token": () => {
      const signed = `${part({ alg: "HS256", cty: "JWT" })}.${Buffer.from(hs()).toString("base64url")}`;
      return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
    },
    ...Object.fromEntries(
      ["null", "[]", '"x"', "1", "{", "", "\uFEFF{}"].map((text) => [
        `claims of ${JSON.stringify(text)}`,
        () => signToken({ claims: {}, claimsText: text, secret }),
      ]),
    ),
  },
  "a time that is not one, or over": {
    ...Object.fromEntries(
      ["1e999", "-1e999", "-1", "0", "1e15", '"9999999999"', "null", "true", "[9999999999]", "{}", "253402300800"].map(
        (exp) => [`exp ${exp}`, () => written(`"exp":${exp}`)],
      ),
    ),
    "no exp": () => es({ exp: undefined }),
    "exp a second ago": () => es({ exp: nowSeconds() - 1 }),
    "exp half a second ago": () => es({ exp: Date.now() / 1_000 - 0.5 }),
    "exp twice, over at last": () => written(`"exp":9999999999,"exp":1`),
    "exp in a prototype": () => written('"__proto__":{"exp":9999999999}'),
    "nbf in two minutes": () => es({ nbf: nowSeconds() + 120 }),
    ...Object.fromEntries(
      ['"nbf":"0"', '"nbf":1e999', '"nbf":-5', '"iat":"now"', '"iat":1e999'].map((text) => [
        text,
        () => written(`"exp":9999999999,${text}`),
      ]),
    ),
  },
  "for somebody else": {
    ...Object.fromEntries(
      [
        undefined,
        null,
        "other",
        "millrac",
        "millrace ",
        "MILLRACE",
        [],
        ["other"],
        [[audience]],
        { aud: audience },
        true,
      ].map((aud) => [`aud ${JSON.stringify(aud)}`, () => es({ aud })]),
    ),
    ...Object.fromEntries(
      [undefined, null, `${issuer}/`, "http://issuer.example", issuer.toUpperCase(), [issuer], { iss: issuer }].map(
        (iss) => [`iss ${JSON.stringify(iss)}`, () => es({ iss })],
      ),
    ),
    "a revoked jti": () => es({ jti: "stolen" }),
    "a revoked jti of HS256": () => hs({ jti: "stolen" }),
    "a revoked subject": () => es({ sub: "gone" }),
    "a revoked subject with a space": () => es({ sub: "gone " }),
    "the secret before this one": () =>
      signToken({ claims: claims(), secret: "an earlier secret that does not count" }),
  },
};

const request = new Request("http://127.0.0.1/");
const judged = async (of: Authenticator, token: string): Promise<unknown> => {
  try {
    return await of.authorizeKey(token, request, "events:write");
  } catch (error) {
    return error;
  }
};

test("what the attacks begin with is taken: HS256, RS256, ES256, EdDSA, and a token for several", async () => {
  for (const token of [hs(), rsa.token(claims()), es(), ed.token(claims()), es({ aud: ["other", audience] })])
    expect(await judged(auth, token)).toMatchObject({ subject: "tester", kind: "token" });
});

describe.each(Object.keys(attacks))("%s is 401:", (kind) => {
  test.each(Object.keys(attacks[kind] ?? {}))("%s", async (name) => {
    const before = auth.remembered.tokens;
    const token = attacks[kind]?.[name]?.() ?? "";
    const refusal = await judged(auth, token);
    expect(refusal).toBeInstanceOf(Refusal);
    expect(refusal).toMatchObject({ status: 401 });
    expect(auth.remembered.tokens).toBe(before);
  });
});

test("where HS256 is off, its tokens are 401, and those of the key set are taken", async () => {
  expect(await judged(withoutHs256, hs())).toMatchObject({ status: 401 });
  expect(await judged(withoutHs256, es())).toMatchObject({ subject: "tester" });
});

test("nothing was fetched from where a token pointed, and few attacks asked for a newer key set", () => {
  expect(calls).toBe(0);
  expect(refreshes).toBeLessThan(40);
});
