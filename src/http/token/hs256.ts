/** Tokens that this service signs itself: HS256, by the secret. */
import { jwt } from "@elysiajs/jwt";
import { Elysia } from "elysia";

/** Signs and verifies by one secret. */
export const hs256Of = (secret: string) => new Elysia().use(jwt({ secret, alg: "HS256", iat: false })).decorator.jwt;

/** What `hs256Of` makes. */
export type Hs256 = ReturnType<typeof hs256Of>;

/** The claims of a new token; `ttlSeconds` counts from `nowMs`. */
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
  return hs256Of(secret).sign({
    ...(claims.subject === undefined ? {} : { sub: claims.subject }),
    exp: issuedAt + claims.ttlSeconds,
    ...(claims.scope === undefined ? {} : { scope: claims.scope }),
    ...(claims.issuer === undefined ? {} : { iss: claims.issuer }),
    ...(claims.audience === undefined ? {} : { aud: claims.audience }),
  });
}
