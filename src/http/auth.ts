/**
 * Bearer tokens to principals.
 *
 * Invariants:
 * - Only HS256 with this service's key, only with `exp`; `jku`, `x5u`, `jwk` and `kid` in a token are ignored.
 * - A verified token is remembered by its text, at most until it expires; the memory is bounded.
 */
import { jwt } from "@elysiajs/jwt";
import { Elysia } from "elysia";
import type { Clock } from "../base/clock.ts";
import { subjectBytesMax } from "../shard/bundle.ts";
import { Refusal } from "./answers.ts";

/** What a token may be for. */
export const scopes = ["events:write", "stats:read", "query", "admin"] as const;

/** One of `scopes`. */
export type Scope = (typeof scopes)[number];

/** Who sends (the token's `sub`, in UTF-8, null where it has none), and what they may. */
type Principal = { subject: Uint8Array | null; scopes: ReadonlySet<string> };

/** The key, and what a token must name. */
export type AuthOptions = {
  secret: string;
  issuer: string | undefined;
  audience: string | undefined;
  clock: Clock;
};

/** Tokens remembered: far more than a service has clients. Verifying one anew costs 84 us. */
const rememberedMax = 10_000;

/** Longest header that is looked at; the server itself cuts headers at 16 KB. */
const headerCharsMax = 8_192;

/** Scopes of a token without a `scope` claim, as in the reference. */
const defaultScopes: ReadonlySet<string> = new Set<Scope>(["events:write", "stats:read"]);

const jwtOf = (secret: string) => new Elysia().use(jwt({ secret, alg: "HS256", iat: false })).decorator.jwt;

/** Verifies tokens, each text once. */
export class Authenticator {
  readonly #options: AuthOptions;
  readonly #jwt: ReturnType<typeof jwtOf>;
  readonly #remembered = new Map<string, { principal: Principal; expiresMs: number }>();

  constructor(options: AuthOptions) {
    this.#options = options;
    this.#jwt = jwtOf(options.secret);
  }

  /**
   * The principal of a request, if it has the scope; at once when its token is remembered.
   * @throws Refusal 401 or 403
   */
  authorize(request: Request, scope: Scope): Principal | Promise<Principal> {
    const header = request.headers.get("authorization");
    if (header === null) throw unauthorized("Not authenticated");
    const remembered = this.#remembered.get(header);
    if (remembered !== undefined && this.#options.clock.nowMs() < remembered.expiresMs)
      return requireScope(remembered.principal, scope);
    return this.#verify(header).then((principal) => requireScope(principal, scope));
  }

  async #verify(header: string): Promise<Principal> {
    this.#remembered.delete(header);
    const token = /^bearer +(\S+)$/i.exec(header.slice(0, headerCharsMax))?.[1];
    if (token === undefined) throw unauthorized("Not authenticated: a bearer token is needed");
    const { issuer, audience, clock } = this.#options;
    const claims = await this.#jwt.verify(token, {
      algorithms: ["HS256"],
      requiredClaims: ["exp"],
      currentDate: new Date(clock.nowMs()),
      ...(issuer === undefined ? {} : { issuer }),
      ...(audience === undefined ? {} : { audience }),
    });
    if (claims === false || claims.exp === undefined) throw unauthorized("The token is not valid, or has expired");
    const principal = principalOf(claims);
    const oldest = this.#remembered.keys().next();
    if (this.#remembered.size >= rememberedMax && oldest.done !== true) this.#remembered.delete(oldest.value);
    this.#remembered.set(header, { principal, expiresMs: claims.exp * 1000 });
    return principal;
  }
}

function principalOf(claims: Readonly<Record<string, unknown>>): Principal {
  const subject = typeof claims["sub"] === "string" ? Buffer.from(claims["sub"]) : null;
  if (subject !== null && subject.byteLength > subjectBytesMax) throw unauthorized("The token's sub is too long");
  const scope = claims["scope"];
  if (scope === undefined) return { subject, scopes: defaultScopes };
  return { subject, scopes: new Set(typeof scope === "string" ? scope.split(" ") : []) };
}

function requireScope(principal: Principal, scope: Scope): Principal {
  if (principal.scopes.has(scope)) return principal;
  throw new Refusal(403, { reason: "forbidden", text: `The token lacks the scope ${scope}` });
}

const unauthorized = (text: string) =>
  new Refusal(401, { reason: "unauthorized", text, headers: { "www-authenticate": "Bearer" } });

/** What a token says; `ttlSeconds` counts from `nowMs`. */
type TokenClaims = {
  subject: string | undefined;
  scope: string | undefined;
  ttlSeconds: number;
  issuer: string | undefined;
  audience: string | undefined;
  nowMs: number;
};

/** Signs a token that `Authenticator` accepts. */
export async function signToken(secret: string, claims: TokenClaims): Promise<string> {
  const issuedAt = Math.floor(claims.nowMs / 1000);
  return jwtOf(secret).sign({
    ...(claims.subject === undefined ? {} : { sub: claims.subject }),
    exp: issuedAt + claims.ttlSeconds,
    ...(claims.scope === undefined ? {} : { scope: claims.scope }),
    ...(claims.issuer === undefined ? {} : { iss: claims.issuer }),
    ...(claims.audience === undefined ? {} : { aud: claims.audience }),
  });
}
