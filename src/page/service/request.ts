/** Requests to the service, with the token. Addresses are relative, so a proxy may serve the page under a prefix. */

import { jsonOrUndefined } from "../json.ts";
import { Cell } from "../state/cell.ts";
import { forgetToken, token } from "./token.ts";

/** The service did not answer, or a proxy answered in its place. */
export class ServiceGone extends Error {
  override readonly name = "ServiceGone";
}

/** The service answered, and not with what was asked for. */
export class ServiceRefused extends Error {
  override readonly name = "ServiceRefused";
  readonly status: number;
  /** How many characters of the SQL precede the error, if the service knows. */
  readonly position: number | undefined;
  /** After this time it may be asked again; undefined: asking again would not help. ms */
  readonly retryAfterMs: number | undefined;

  constructor(
    status: number,
    detail: string,
    more: { position?: number | undefined; retryAfterMs?: number | undefined },
  ) {
    super(detail);
    this.status = status;
    this.position = more.position;
    this.retryAfterMs = more.retryAfterMs;
  }
}

/** Since when the service has not answered, ms since 1970; undefined while it answers. */
export const goneSinceMs: Cell<number | undefined> = new Cell<number | undefined>(undefined);

/** While the service is gone, what is on its way is given up each time that this has passed. ms */
const givenUpMs = 10_000;

/** Ends every request that is on its way; another one stands here then. */
let underWay = new AbortController();
let givingUp: ReturnType<typeof setInterval> | undefined;

// A connection that is dead without saying so would be waited for without an end, and the page's next question with it.
goneSinceMs.listen(() => {
  clearInterval(givingUp);
  if (goneSinceMs.value === undefined) return;
  givingUp = setInterval(() => {
    underWay.abort(new ServiceGone("The service does not answer"));
    underWay = new AbortController();
  }, givenUpMs);
});

/** What is sent: GET without a body, POST with one. */
type RequestOptions = {
  body?: unknown;
  signal?: AbortSignal;
  headers?: Readonly<Record<string, string>>;
  /** An answer with one of these statuses is returned like a 200. */
  alsoOk?: readonly number[];
};

/**
 * Sends a request and returns the answer.
 * @throws ServiceGone without an answer of the service
 * @throws ServiceRefused for every other status; a 401 also shows the door again
 * @throws DOMException AbortError
 */
export async function request(path: string, options: RequestOptions = {}): Promise<Response> {
  const { body, signal, alsoOk = [] } = options;
  const sent = token.value;
  const answer = await fetch(path, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      ...(sent === "" ? {} : { authorization: `Bearer ${sent}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...options.headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: signal === undefined ? underWay.signal : AbortSignal.any([signal, underWay.signal]),
    cache: "no-store",
  }).catch((error: unknown) => {
    throw isCut(error) ? gone() : error;
  });
  // The service never answers with a page here: a proxy does, when somebody has to log in again, say.
  if (answer.ok && answer.headers.get("content-type")?.startsWith("text/html") === true) throw gone();
  if (answer.ok || alsoOk.includes(answer.status)) {
    goneSinceMs.value = undefined;
    return answer;
  }
  const refusal = await refusalOf(answer);
  goneSinceMs.value = undefined;
  // Another token may have been pasted since this request was sent.
  if (refusal.status === 401 && sent === token.value) forgetToken(refusal.message);
  throw refusal;
}

/**
 * The body of an answer as JSON.
 * @throws ServiceGone when it breaks off, or is not JSON
 * @throws DOMException AbortError
 */
export async function jsonOf(answer: Response): Promise<unknown> {
  try {
    return await answer.json();
  } catch (error) {
    throw isCut(error) || error instanceof SyntaxError ? gone() : error;
  }
}

/**
 * Whether a request or a body failed without an answer of the service: the connection failed, or it took too long. What
 * the page itself ends is an AbortError.
 */
const isCut = (error: unknown) =>
  error instanceof TypeError || (error instanceof DOMException && error.name === "TimeoutError");

function gone(): ServiceGone {
  goneSinceMs.value ??= Date.now();
  return new ServiceGone("The service does not answer");
}

/** The service's own refusals are JSON with `detail`; a proxy in front of a service that is gone answers otherwise. */
async function refusalOf(answer: Response): Promise<ServiceRefused> {
  const text = await answer.text().catch((error: unknown) => {
    throw isCut(error) ? gone() : error;
  });
  const told = parsed(text);
  if (told === undefined && answer.status >= 500) throw gone();
  const detail = typeof told?.["detail"] === "string" ? told["detail"] : `The service answered ${answer.status}`;
  const position = typeof told?.["position"] === "number" ? told["position"] : undefined;
  const isPassing = answer.status === 429 || answer.status === 503;
  const seconds = Number(answer.headers.get("retry-after") ?? Number.NaN);
  const retryAfterMs = isPassing ? 1000 * (Number.isFinite(seconds) ? Math.max(1, seconds) : 1) : undefined;
  return new ServiceRefused(answer.status, detail, { position, retryAfterMs });
}

function parsed(text: string): Record<string, unknown> | undefined {
  const value = jsonOrUndefined(text);
  return isRecord(value) ? value : undefined;
}

/** Whether a value of JSON is an object. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
