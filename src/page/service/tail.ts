/** The live tail: server-sent events, read with `fetch`, since an `EventSource` cannot send a token. */
import { isRecord, request, ServiceGone, ServiceRefused } from "./request.ts";
import { pause, untilSeen } from "./wait.ts";

/** One event, in the columns of `events`. */
export type TailEvent = Readonly<Record<string, unknown>>;

/** What the tail tells. `missed` is how many events were left out; null: nobody knows how many. */
type TailNews =
  | { kind: "open" }
  | { kind: "event"; id: string; event: TailEvent }
  | { kind: "gap"; missed: number | null }
  | { kind: "lost"; reason: string }
  /** The service refused it for good. */
  | { kind: "refused"; error: ServiceRefused };

/** Between two tries to reach the service. ms */
const retryMsMin = 1_000;
const retryMsMax = 15_000;

/** The service sends a comment every 15 s: a connection without a byte for this time is dead. ms */
const silentMsMax = 45_000;

/** Names of the columns that the tail can be filtered by. */
export const tailFilters = ["event_name", "category", "session_id", "user_id", "client_id"] as const;

/** Values of filters by name; an empty one filters nothing. */
export type TailFilters = Readonly<Partial<Record<(typeof tailFilters)[number], string>>>;

/**
 * Follows the tail until `signal` is aborted or the service refuses it for good, and reconnects after the last event
 * that came.
 */
export async function follow(filters: TailFilters, signal: AbortSignal, tell: (news: TailNews) => void): Promise<void> {
  const query = new URLSearchParams(Object.entries(filters).filter(([, value]) => value !== ""));
  let position: string | undefined;
  for (let waitMs = retryMsMin; !signal.aborted; waitMs = Math.min(retryMsMax, waitMs * 2)) {
    await untilSeen(signal);
    if (signal.aborted) return;
    const dead = new AbortController();
    let silence: ReturnType<typeof setTimeout> | undefined;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => dead.abort(new ServiceGone("The service does not answer")), silentMsMax);
    };
    try {
      heard();
      const headers = position === undefined ? {} : { "last-event-id": position };
      const answer = await request(`api/v1/analytics/tail${query.size === 0 ? "" : `?${query}`}`, {
        signal: AbortSignal.any([signal, dead.signal]),
        headers,
      });
      tell({ kind: "open" });
      for await (const message of messagesOf(answer, heard)) {
        position = message.id ?? position;
        waitMs = retryMsMin;
        const news = newsOf(message);
        if (news !== undefined) tell(news);
      }
      tell({ kind: "lost", reason: "The service ended the stream" });
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ServiceRefused) {
        if (error.retryAfterMs === undefined) return tell({ kind: "refused", error });
        tell({ kind: "lost", reason: error.message });
      } else if (error instanceof ServiceGone || error instanceof TypeError)
        tell({ kind: "lost", reason: "The service does not answer" });
      else throw error;
    } finally {
      clearTimeout(silence);
    }
    await pause(waitMs, signal);
  }
}

/** A message of the stream, as its lines say. */
type Message = { id: string | undefined; type: string; data: string };

/** `onBytes` hears that some came, also those of a comment. */
async function* messagesOf({ body }: Response, onBytes: () => void): AsyncGenerator<Message> {
  if (body === null) return;
  let message: Message = { id: undefined, type: "message", data: "" };
  for await (const line of linesOf(body, onBytes)) {
    if (line === "") {
      if (message.data !== "") yield message;
      message = { id: undefined, type: "message", data: "" };
      continue;
    }
    const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === "id") message.id = value;
    if (field === "event") message.type = value;
    if (field === "data") message.data += value;
  }
}

async function* linesOf(body: ReadableStream<Uint8Array<ArrayBuffer>>, onBytes: () => void): AsyncGenerator<string> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    onBytes();
    const lines = (rest + value).split(/\r?\n/);
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

function newsOf({ id, type, data }: Message): TailNews | undefined {
  const value: unknown = JSON.parse(data);
  if (!isRecord(value)) return undefined;
  if (type === "event") return { kind: "event", id: id ?? "", event: value };
  const missed = value["missed"];
  return type === "gap" ? { kind: "gap", missed: typeof missed === "number" ? missed : null } : undefined;
}
