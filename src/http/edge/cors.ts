/**
 * Which pages of other origins may read answers (Fetch, "CORS protocol").
 *
 * Invariants:
 * - An answer names the exact origin that asked, never a list, and never `*` beside credentials.
 * - An origin that is not allowed gets no CORS header, on whatever answer.
 * - Every answer says `Vary: Origin`, so that no cache passes an answer for one origin to another.
 * - `Access-Control-Allow-Private-Network` is never sent: a page of the internet gets no way into a private network.
 */
import { isOrigin } from "../../base/origin.ts";
import { commonHeaders, Refusal } from "../answers.ts";

/** What a page needs to pace itself; other headers of an answer are not shown to it. */
const exposedHeaders = "Retry-After, RateLimit, RateLimit-Policy";

const allowedMethods = "GET, HEAD, POST";

/** The longest time for which Chromium remembers a preflight. Seconds. */
const preflightSeconds = 7_200;

/** Longest list of header names that a preflight may ask for; SDKs ask for 300 at most. Characters. */
const requestHeadersCharsMax = 2_048;

/** The name of a header field (RFC 9110, 5.6.2); an empty one in a list counts for nothing. */
const headerName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]*$/;

/** What browsers send as the origin of a page that has none: in a sandbox, or from a file. */
const noOrigin = "null";

/** The origins that are allowed. */
type CorsOptions = {
  /** Origins, or `*` for all. */
  origins: readonly string[];
  /** Whether another origin is allowed now: those of the write keys, which change while the service runs. */
  isAllowedNow?: (origin: string) => boolean;
};

/** Answers preflights, and adds CORS headers to answers. */
export class Cors {
  readonly #listed: ReadonlySet<string>;
  readonly #isAny: boolean;
  readonly #isAllowedNow: (origin: string) => boolean;

  constructor({ origins, isAllowedNow = () => false }: CorsOptions) {
    // `*` is not an origin: a page that claims to be called so must not get `*` beside credentials.
    this.#listed = new Set(origins.filter((origin) => origin !== "*"));
    this.#isAny = origins.includes("*");
    this.#isAllowedNow = isAllowedNow;
  }

  /** Adds to an answer what its request's origin may have. Returns the same answer. */
  answered(request: Request, response: Response): Response {
    const { headers } = response;
    headers.append("vary", "Origin");
    const origin = request.headers.get("origin");
    if (origin === null) return response;
    if (this.#allows(origin)) {
      headers.set("access-control-allow-origin", origin);
      // Beacons and some SDKs send credentials; no cookie means anything here.
      headers.set("access-control-allow-credentials", "true");
    } else if (this.#isAny && origin === noOrigin) headers.set("access-control-allow-origin", "*");
    else return response;
    headers.set("access-control-expose-headers", exposedHeaders);
    return response;
  }

  /**
   * The answer to a preflight of an allowed origin, without the headers that `answered` adds; undefined if the request
   * is not one. Refused with 400 when it asks for headers whose names are not names.
   */
  preflight(request: Request): Response | Refusal | undefined {
    const { method, headers: asked } = request;
    const origin = asked.get("origin");
    if (method !== "OPTIONS" || origin === null || !asked.has("access-control-request-method")) return undefined;
    if (!this.#allows(origin) && !(this.#isAny && origin === noOrigin)) return undefined;
    const headers = new Headers({
      ...commonHeaders,
      "access-control-allow-methods": allowedMethods,
      "access-control-max-age": String(preflightSeconds),
      vary: "Access-Control-Request-Method, Access-Control-Request-Headers",
    });
    const names = asked.get("access-control-request-headers");
    if (names !== null) {
      if (names.length > requestHeadersCharsMax || !names.split(",").every((name) => headerName.test(name.trim())))
        return new Refusal(400, {
          reason: "preflight_invalid",
          text: `Access-Control-Request-Headers must be names of headers, ${requestHeadersCharsMax} characters at most`,
        });
      // Echoed: an SDK adds headers of its own when it retries, and a fixed list would break that.
      headers.set("access-control-allow-headers", names);
    }
    return new Response(null, { status: 204, headers });
  }

  #allows(origin: string): boolean {
    return this.#listed.has(origin) || (this.#isAny ? isOrigin(origin) : this.#isAllowedNow(origin));
  }
}
