/** Follows the tail of a running service, across connections. */
import { ConfigInvalid, MillraceError, messageOf } from "../base/errors.ts";
import { jsonOrUndefined } from "../base/json.ts";
import { isRecord } from "../event/parse/parse.ts";
import { ConnectionLost, messagesOf } from "./tail-messages.ts";

/** No service runs, or it refuses this reader. */
class TailRefused extends MillraceError {
  override readonly name = "TailRefused";
}

/** What is followed, and what is done with it. */
type TailToFollow = {
  /** Filters, as a query string. */
  query: string;
  /** The position to resume from. */
  from: string | undefined;
  /** Where the service listens; undefined: nowhere so far. */
  address: () => string | undefined;
  token: () => Promise<string>;
  /** An event as one line of JSON. */
  onEvent: (json: string) => Promise<void>;
  /** A sentence for the user. */
  onTold: (text: string) => void;
};

/** First and longest pause before it connects again. ms */
const pauseMs = { first: 200, longest: 5_000 };

/** The service sends a comment every 15 s: a connection that is silent for longer is dead. ms */
const silentMsMax = 60_000;

/** The connection ended, and the next one may succeed. */
type Ended = { why: string; retryMs?: number };

/**
 * Follows until the process ends.
 * @throws TailRefused when the first connection fails; ConfigInvalid for a position that is not one
 */
export async function followTail(tail: TailToFollow): Promise<never> {
  const state = { position: tail.from, hasConnected: false, isTold: false };
  let waitMs = pauseMs.first;
  for (;;) {
    const connected = () => {
      if (state.isTold) tail.onTold("connected again, and goes on after the last event");
      state.isTold = false;
      state.hasConnected = true;
      waitMs = pauseMs.first;
    };
    const { why, retryMs } = await followOnce(tail, state, connected);
    if (!state.hasConnected && retryMs === undefined) throw new TailRefused(why);
    if (!state.isTold) tail.onTold(`${why}; connects again`);
    state.isTold = true;
    await Bun.sleep(retryMs ?? waitMs);
    waitMs = Math.min(waitMs * 2, pauseMs.longest);
  }
}

/** One connection, until it ends. */
async function followOnce(
  tail: TailToFollow,
  state: { position: string | undefined },
  onConnected: () => void,
): Promise<Ended> {
  const address = tail.address();
  if (address === undefined)
    return { why: "no service has run on this data folder so far; start one with `millrace serve`" };
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), silentMsMax);
  try {
    const response = await openStream(`${address}/api/v1/analytics/tail?${tail.query}`, {
      headers: {
        authorization: `Bearer ${await tail.token()}`,
        ...(state.position === undefined ? {} : { "last-event-id": state.position }),
      },
      signal: silence.signal,
      // The runtime would end a connection that is silent for five minutes by its own rule.
      timeout: false,
    });
    if (response.status !== 200) return await refusalOf(response);
    // Without an event so far, what comes while it connects again is not lost either.
    state.position ??= response.headers.get("millrace-position") ?? undefined;
    onConnected();
    for await (const { id, event, data } of messagesOf(response)) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), silentMsMax);
      if (event === "event") await tail.onEvent(data);
      else if (event === "gap") tail.onTold(gapText(data));
      state.position = id ?? state.position;
    }
    return { why: "the service ended the stream" };
  } catch (error) {
    if (!(error instanceof ConnectionLost)) throw error;
    return { why: silence.signal.aborted ? "the service is silent" : `no service answers at ${address}` };
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

/** @throws ConnectionLost */
const openStream = (url: string, request: BunFetchRequestInit): Promise<Response> =>
  fetch(url, request).catch((error: unknown) => {
    throw new ConnectionLost(messageOf(error), { cause: error });
  });

/** @throws ConfigInvalid for what the service will never accept */
async function refusalOf(response: Response): Promise<Ended> {
  const told = jsonOrUndefined(await response.text());
  const detail =
    isRecord(told) && typeof told["detail"] === "string" ? told["detail"] : `it answered ${response.status}`;
  if (response.status === 400) throw new ConfigInvalid([detail]);
  if (response.status < 429) throw new TailRefused(detail);
  const seconds = Number(response.headers.get("retry-after"));
  return { why: detail, retryMs: Math.max(1, seconds) * 1_000 };
}

function gapText(data: string): string {
  const told = jsonOrUndefined(data);
  const missed = isRecord(told) ? told["missed"] : undefined;
  return typeof missed === "number"
    ? `${missed} events were left out here, because they were not taken in time`
    : "events are missing here, because the service does not hold them any more";
}
