/**
 * Verifies bearer tokens and returns their principals.
 *
 * Invariants:
 * - Only HS256 with this service's key, only with `exp`; `jku`, `x5u`, `jwk` and `kid` in a token are ignored.
 * - A token has one spelling: canonical base64url, and nothing after it. A verified token is remembered under its
 *   spelling, at most until it expires.
 */
import type { Clock } from "../../base/clock.ts";
import { subjectBytesMax } from "../../shard/bundle.ts";
import { Refusal } from "../answers.ts";
import { type Hs256, hs256Of } from "./hs256.ts";
import { defaultScopes, type Principal, type Scope, scopes } from "./principal.ts";
import { isRevoked, nothingRevoked, type Revoked } from "./revoked.ts";
import { TokenCache } from "./token-cache.ts";

/** The key, and what a token must name. */
type AuthOptions = {
  secret: string;
  issuer: string | undefined;
  audience: string | undefined;
  /** What is revoked now; another object once that changes. */
  revoked?: () => Revoked;
  clock: Clock;
};

/** What is remembered of a verified token. */
type Verified = { principal: Principal; jti: string | null };

/** Longest `Authorization` header; the server itself cuts all headers at 16 KB. Characters. */
export const headerCharsMax = 8_192;

const bearer = /^bearer +(\S+)$/i;

/** An issuer's clock may be ahead of this machine's by this much before a token counts as not yet valid. Seconds. */
const nbfToleranceSeconds = 60;

/** The last second of the year 9999: a later time is a mistake, or Infinity, to which `1e999` parses. Unix seconds. */
const numericDateMax = 253_402_300_799;

/** Verifies tokens, each once. */
export class Authenticator {
  readonly #options: AuthOptions;
  readonly #jwt: Hs256;
  readonly #remembered = new TokenCache<Verified>();
  #revoked = nothingRevoked;

  constructor(options: AuthOptions) {
    this.#options = options;
    this.#jwt = hs256Of(options.secret);
  }

  /**
   * The principal of a request, if it has the scope; without a promise if its token is remembered.
   * @throws Refusal 401 or 403
   */
  authorize(request: Request, scope: Scope): Principal | Promise<Principal> {
    const header = request.headers.get("authorization");
    if (header === null) throw unauthorized("Not authenticated");
    const token = tokenOf(header);
    this.#forgetRevoked();
    const remembered = this.#remembered.get(token, this.#options.clock.nowMs());
    if (remembered !== undefined) return requireScope(remembered.principal, scope);
    return this.#verify(token).then((principal) => requireScope(principal, scope));
  }

  /** The subject of a request whose token was verified and is still remembered, else null: for the log. */
  subjectOf(request: Request): string | null {
    const token = bearer.exec(request.headers.get("authorization") ?? "")?.[1] ?? "";
    return this.#remembered.get(token, this.#options.clock.nowMs())?.principal.subject ?? null;
  }

  /** The size of the token cache, for tests of its bounds. */
  get remembered(): { tokens: number; bytes: number } {
    return this.#remembered.held;
  }

  async #verify(token: string): Promise<Principal> {
    if (!isCanonical(token)) throw unauthorized("The token is not in the compact form of a JWT");
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
    this.#forgetRevoked();
    if (isRevoked(this.#revoked, { jti, subject: principal.subject })) throw unauthorized("The token is revoked");
    this.#remembered.set(token, { value: { principal, jti }, expiresMs });
    return principal;
  }

  #forgetRevoked(): void {
    const revoked = this.#options.revoked?.() ?? nothingRevoked;
    if (revoked === this.#revoked) return;
    this.#revoked = revoked;
    this.#remembered.forget(({ principal, jti }) => isRevoked(revoked, { jti, subject: principal.subject }));
  }
}

/**
 * The token of a header.
 * @throws Refusal 401
 */
function tokenOf(header: string): string {
  if (header.length > headerCharsMax)
    throw unauthorized(`The Authorization header is longer than ${headerCharsMax} characters`);
  const token = bearer.exec(header)?.[1];
  if (token === undefined) throw unauthorized("Not authenticated: a bearer token is needed");
  return token;
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

function requireScope(principal: Principal, scope: Scope): Principal {
  if (principal.scopes.has(scope)) return principal;
  throw new Refusal(403, { reason: "forbidden", text: `The token lacks the scope ${scope}` });
}

const unauthorized = (text: string) =>
  new Refusal(401, { reason: "unauthorized", text, headers: { "www-authenticate": "Bearer" } });
