/**
 * Decides who asks: verifies tokens, and looks up write keys.
 *
 * Invariants:
 * - Only HS256 with this service's key, only with `exp`; `jku`, `x5u`, `jwk` and `kid` in a token are ignored.
 * - A token has one spelling: canonical base64url, and nothing after it. A verified token is remembered under its
 *   spelling, at most until it expires.
 * - What is remembered goes when the list of revoked tokens or the file of keys no longer allows it.
 */
import type { Clock } from "../../base/clock.ts";
import { subjectBytesMax } from "../../shard/bundle.ts";
import { Refusal } from "../answers.ts";
import { beforeColon, credentialOf, headerCharsMax } from "./credential.ts";
import { type Hs256, hs256Of } from "./hs256.ts";
import { defaultScopes, type Principal, type Scope, scopes } from "./principal.ts";
import { isRevoked, nothingRevoked, type Revoked } from "./revoked.ts";
import { TokenCache } from "./token-cache.ts";
import { noWriteKeys, principalOfKey, type WriteKeys } from "./write-keys.ts";

/** What lets a request in. Each function gives another object once its content has changed. */
type AuthOptions = {
  secret: string;
  issuer: string | undefined;
  audience: string | undefined;
  revoked?: () => Revoked;
  writeKeys?: () => WriteKeys;
  clock: Clock;
};

/** What is remembered of a verified token, or of a key that is known. */
type Verified = { principal: Principal; jti: string | null };

/** An issuer's clock may be ahead of this machine's by this much before a token counts as not yet valid. Seconds. */
const nbfToleranceSeconds = 60;

/** The last second of the year 9999: a later time is a mistake, or Infinity, to which `1e999` parses. Unix seconds. */
const numericDateMax = 253_402_300_799;

/** Knows who asks; each credential is verified once. */
export class Authenticator {
  readonly #options: AuthOptions;
  readonly #jwt: Hs256;
  readonly #remembered = new TokenCache<Verified>();
  #revoked = nothingRevoked;
  #writeKeys = noWriteKeys;

  constructor(options: AuthOptions) {
    this.#options = options;
    this.#jwt = hs256Of(options.secret);
  }

  /**
   * The principal of a request, by the credential in its headers, if it has the scope. Without a promise if its token
   * is remembered, or if it is a write key.
   * @throws Refusal 401 or 403
   */
  authorize(request: Request, scope: Scope): Principal | Promise<Principal> {
    const credential = credentialOf(request.headers);
    if (credential === undefined)
      throw unauthorized(
        `Not authenticated: a token or a write key is needed, in a header of ${headerCharsMax} characters at most`,
      );
    return this.authorizeKey(credential, request, scope);
  }

  /**
   * The same by a credential that was found elsewhere: in the body or the path, where other vendors' SDKs put it.
   * `request` says which page sends it.
   * @throws Refusal 401 or 403
   */
  authorizeKey(credential: string, request: Request, scope: Scope): Principal | Promise<Principal> {
    this.#forgetOutdated();
    const short = beforeColon(credential);
    const known = this.#known(credential) ?? (short === undefined ? undefined : this.#known(short));
    if (known !== undefined) return admitted(known, request, scope);
    const token = short ?? credential;
    if (!isCanonical(token)) throw unauthorized("Neither a token in the compact form of a JWT nor a known write key");
    return this.#verify(token).then((principal) => admitted(principal, request, scope));
  }

  /** The subject of a request whose credential is known and still remembered, else null: for the log. */
  subjectOf(request: Request): string | null {
    const credential = credentialOf(request.headers) ?? "";
    const of = (text: string) => this.#remembered.get(text, this.#options.clock.nowMs())?.principal.subject;
    return of(credential) ?? of(beforeColon(credential) ?? "") ?? null;
  }

  /** The size of the token cache, for tests of its bounds. */
  get remembered(): { tokens: number; bytes: number } {
    return this.#remembered.held;
  }

  /** Who is known by a text: by a token that is remembered, or a key. */
  #known(text: string): Principal | undefined {
    const remembered = this.#remembered.get(text, this.#options.clock.nowMs());
    if (remembered !== undefined) return remembered.principal;
    const principal = principalOfKey(this.#writeKeys, text);
    if (principal !== undefined)
      this.#remembered.set(text, { value: { principal, jti: null }, expiresMs: Number.POSITIVE_INFINITY });
    return principal;
  }

  async #verify(token: string): Promise<Principal> {
    const { issuer, audience, clock } = this.#options;
    const nowMs = clock.nowMs();
    const claims = await this.#jwt.verify(token, {
      algorithms: ["HS256"],
      requiredClaims: ["exp"],
      currentDate: new Date(nowMs),
      clockTolerance: nbfToleranceSeconds,
      ...(issuer === undefined ? {} : { issuer }),
      ...(audience === undefined ? {} : { audience }),
    });
    if (claims === false || claims.exp === undefined) throw unauthorized("The token is not valid, or has expired");
    for (const name of ["exp", "nbf", "iat"] as const)
      if (!isNumericDate(claims[name] ?? 0)) throw unauthorized(`The token's ${name} is not a time`);
    const expiresMs = claims.exp * 1000;
    // The tolerance applies only to nbf.
    if (expiresMs <= nowMs) throw unauthorized("The token is not valid, or has expired");
    const principal = principalOf(claims);
    const jti = jtiOf(claims);
    // The list may have changed while the token was verified.
    this.#forgetOutdated();
    if (isRevoked(this.#revoked, { jti, subject: principal.subject })) throw unauthorized("The token is revoked");
    this.#remembered.set(token, { value: { principal, jti }, expiresMs });
    return principal;
  }

  #forgetOutdated(): void {
    const revoked = this.#options.revoked?.() ?? nothingRevoked;
    if (revoked !== this.#revoked) {
      this.#revoked = revoked;
      this.#remembered.forget(({ principal, jti }) => isRevoked(revoked, { jti, subject: principal.subject }));
    }
    const writeKeys = this.#options.writeKeys?.() ?? noWriteKeys;
    if (writeKeys !== this.#writeKeys) {
      this.#writeKeys = writeKeys;
      this.#remembered.forget(({ principal }) => principal.kind === "write key");
    }
  }
}

/**
 * Whether each of the three parts is base64url in its only spelling: no padding, no other alphabet, no bits after the
 * last byte.
 */
function isCanonical(token: string): boolean {
  const parts = token.split(".");
  return parts.length === 3 && parts.every((part) => Buffer.from(part, "base64url").toString("base64url") === part);
}

const isNumericDate = (value: unknown) => typeof value === "number" && value >= 0 && value <= numericDateMax;

/** The token's `jti`: a string by RFC 7519; a number is what some issuers write. */
function jtiOf({ jti }: Readonly<Record<string, unknown>>): string | null {
  return typeof jti === "string" || typeof jti === "number" ? String(jti) : null;
}

function principalOf(claims: Readonly<Record<string, unknown>>): Principal {
  const subject = typeof claims["sub"] === "string" ? claims["sub"].toWellFormed() : null;
  if (subject !== null && Buffer.byteLength(subject) > subjectBytesMax)
    throw unauthorized("The token's sub is too long");
  const scope = claims["scope"];
  if (scope === undefined) return { subject, scopes: defaultScopes, kind: "token" };
  const named = typeof scope === "string" ? scope.split(" ") : [];
  // Other scopes are not used here, and a token may name thousands.
  return { subject, scopes: new Set(scopes.filter((known) => named.includes(known))), kind: "token" };
}

/** Lets a principal in, if it may do this and comes from a page that may use its key. */
function admitted(principal: Principal, request: Request, scope: Scope): Principal {
  if (!principal.scopes.has(scope))
    throw forbidden(
      principal.kind === "token" ? `The token lacks the scope ${scope}` : "A write key may write events, nothing else",
    );
  const { origins } = principal;
  if (origins === undefined) return principal;
  // Programs send no Origin; pages cannot leave it out or choose it.
  const origin = request.headers.get("origin");
  if (origin === null || origins.includes(origin)) return principal;
  throw forbidden("This write key may not be used by pages of this origin");
}

const forbidden = (text: string) => new Refusal(403, { reason: "forbidden", text });

const unauthorized = (text: string) =>
  new Refusal(401, { reason: "unauthorized", text, headers: { "www-authenticate": "Bearer" } });
