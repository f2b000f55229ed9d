/**
 * Decides who asks: verifies tokens, and looks up write keys.
 *
 * Invariants:
 * - A verified token is remembered under its only spelling, at most until it expires.
 * - What is remembered goes when the list of revoked tokens, the key set or the file of write keys no longer allows it.
 */
import type { Clock } from "../../base/clock.ts";
import { Refusal } from "../answers.ts";
import { readClaims } from "./claims.ts";
import { type Credential, credentialOf, headerCharsMax, keyCredential } from "./credential.ts";
import type { KeySet } from "./key-set.ts";
import type { Principal, Scope } from "./principal.ts";
import { isRevoked, nothingRevoked, type Revocable, type Revoked } from "./revoked.ts";
import { TokenCache } from "./token-cache.ts";
import { unauthorized } from "./unauthorized.ts";
import { credentialInUrlText, hasCredentialInUrl } from "./url-credential.ts";
import { isCanonical, type TokenKeys, verifiedClaims } from "./verify.ts";
import { noWriteKeys, principalOfKey, type WriteKeys } from "./write-keys.ts";

/** What lets a request in. Each function gives another object once its content has changed. */
type AuthOptions = TokenKeys & {
  issuer: string | undefined;
  audience: string | undefined;
  revoked?: () => Revoked;
  writeKeys?: () => WriteKeys;
  clock: Clock;
};

/** What is remembered of a verified token, or of a key that is known: keys are not revoked but removed. */
type Verified = { principal: Principal; revocable: Revocable | null; isOfKeySet: boolean };

/** Knows who asks; each credential is verified once. */
export class Authenticator {
  readonly #options: AuthOptions;
  readonly #remembered = new TokenCache<Verified>();
  #revoked = nothingRevoked;
  #writeKeys = noWriteKeys;
  #keySet: KeySet | undefined;

  constructor(options: AuthOptions) {
    this.#options = options;
  }

  /**
   * The principal of a request, by the credential in its headers, if it has the scope. Without a promise if its token
   * is remembered, or if it is a write key.
   * @throws Refusal 401 or 403; Overloaded when the keys for its token could not be fetched so far
   */
  authorize(request: Request, scope: Scope): Principal | Promise<Principal> {
    const credential = credentialOf(request.headers);
    if (credential === undefined)
      throw unauthorized(
        hasCredentialInUrl(request.url)
          ? credentialInUrlText
          : `Not authenticated: a token or a write key is needed, in a header of ${headerCharsMax} characters at most`,
      );
    return this.#authorize(credential, request, scope);
  }

  /**
   * The same by a credential that was found elsewhere: in the body or the path, where other vendors' SDKs put it.
   * `request` says which page sends it.
   * @throws Refusal 401 or 403; Overloaded when the keys for its token could not be fetched so far
   */
  authorizeKey(key: string, request: Request, scope: Scope): Principal | Promise<Principal> {
    // A body may hold megabytes under the name of a key, from anybody.
    if (key.length > headerCharsMax) throw unauthorized("Neither a token nor a write key is as long as this");
    return this.#authorize(keyCredential(key), request, scope);
  }

  #authorize({ whole, short }: Credential, request: Request, scope: Scope): Principal | Promise<Principal> {
    this.#forgetOutdated();
    const known = this.#known(whole) ?? (short === undefined ? undefined : this.#known(short));
    if (known !== undefined) return admitted(known, request, scope);
    const token = short ?? whole;
    if (!isCanonical(token)) throw unauthorized("Neither a token in the compact form of a JWT nor a known write key");
    return this.#verify(token).then((principal) => admitted(principal, request, scope));
  }

  /** The subject of a request whose credential is known and still remembered, else null: for the log. */
  subjectOf(request: Request): string | null {
    const { whole = "", short = "" } = credentialOf(request.headers) ?? {};
    const of = (text: string) => this.#remembered.get(text, this.#options.clock.nowMs())?.principal.subject;
    return of(whole) ?? of(short) ?? null;
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
    if (principal !== undefined) {
      const value = { principal, revocable: null, isOfKeySet: false };
      this.#remembered.set(text, { value, expiresMs: Number.POSITIVE_INFINITY });
    }
    return principal;
  }

  async #verify(token: string): Promise<Principal> {
    const { issuer, audience, clock } = this.#options;
    const nowMs = clock.nowMs();
    const { claims, verifiedBy } = await verifiedClaims(token, this.#options, { issuer, audience, nowMs });
    const { principal, revocable, fromMs, expiresMs } = readClaims(claims, nowMs);
    // The files may have changed while the token was verified.
    this.#forgetOutdated();
    if (isRevoked(this.#revoked, revocable)) throw unauthorized("The token is revoked").of(principal.subject);
    const isOfKeySet = verifiedBy !== undefined;
    if (!isOfKeySet || verifiedBy === this.#keySet)
      this.#remembered.set(token, { value: { principal, revocable, isOfKeySet }, fromMs, expiresMs });
    return principal;
  }

  #forgetOutdated(): void {
    const revoked = this.#options.revoked?.() ?? nothingRevoked;
    if (revoked !== this.#revoked) {
      this.#revoked = revoked;
      this.#remembered.forget(({ revocable }) => revocable !== null && isRevoked(revoked, revocable));
    }
    const writeKeys = this.#options.writeKeys?.() ?? noWriteKeys;
    if (writeKeys !== this.#writeKeys) {
      this.#writeKeys = writeKeys;
      this.#remembered.forget(({ principal }) => principal.kind === "write key");
    }
    const keySet = this.#options.keySet?.current();
    if (keySet !== this.#keySet) {
      this.#keySet = keySet;
      this.#remembered.forget(({ isOfKeySet }) => isOfKeySet);
    }
  }
}

/** Lets a principal in, if it may do this and comes from a page that may use its key. */
function admitted(principal: Principal, request: Request, scope: Scope): Principal {
  if (!principal.scopes.has(scope))
    throw forbidden(
      principal.kind === "token" ? `The token lacks the scope ${scope}` : "A write key may write events, nothing else",
    ).of(principal.subject);
  const { origins } = principal;
  if (origins === undefined) return principal;
  // Programs send no Origin; pages cannot leave it out or choose it.
  const origin = request.headers.get("origin");
  if (origin === null || origins.includes(origin)) return principal;
  throw forbidden("This write key may not be used by pages of this origin").of(principal.subject);
}

const forbidden = (text: string) => new Refusal(403, { reason: "forbidden", text });
