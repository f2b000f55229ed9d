/**
 * The events that wait, and what sends them: one request at a time, whose events stay in the queue until its answer.
 * Each event leaves the queue once: acknowledged, or dropped and reported.
 */
import { isTemporary, placesIn } from "./answer.ts";
import type { Clock } from "./clock.ts";
import { describe, quietly } from "./event-text.ts";
import type { OnDrop } from "./report.ts";
import { backoffMs, retryAfterMs } from "./retry.ts";
import type { ClientOptions, DropReason, Flushed, Outbox } from "./types.ts";

/** An event as JSON, with its size in UTF-8 and its key in the outbox. */
type Item = { text: string; bytes: number; key: string | undefined };

const utf8 = new TextEncoder();

/** What a process that would end by itself has to send first. Browsers tell of their end in `page.ts`. */
const unsent = new Set<() => void>();
globalThis.process?.on?.("beforeExit", () => {
  for (const end of unsent) end();
});

/** Begins with what the outbox claims. */
export function createSender(
  { url, token, client_id }: ClientOptions,
  { now, after }: Clock,
  outbox: Outbox | undefined,
  onDrop: OnDrop,
) {
  // Limits stand within the function because the bundler then writes them where they are used.

  /** Past either of these new events are dropped. UTF-8 bytes. */
  const queueEventsMax = 10_000;
  const queueBytesMax = 16_000_000;

  /** The most of one request: the service takes 100 events and 1 MiB. UTF-8 bytes. */
  const batchEventsMax = 100;
  const batchBytesMax = 900_000;

  /** Browsers allow 64 KiB of `keepalive` requests in flight. UTF-8 bytes. */
  const leavingBytesMax = 60_000;

  /** Past either of these the queue is sent at once; before that, after `lingerMs`. */
  const eagerEvents = 50;
  const eagerBytes = 64_000;
  const lingerMs = 2_000;

  /** A request without an answer is given up; so long, too, a process that would end waits for the service. ms */
  const answerMsMax = 10_000;

  /** How long `flush` and `close` wait at most when nothing else is said. ms */
  const flushMsMax = 30_000;
  const closeMsMax = 10_000;

  /** As long waits a process whose events are safe in an outbox. ms */
  const outboxMsMax = 1_000;

  /** What `onDrop` is told of an answer. Characters. */
  const detailCharsMax = 500;

  /** Spreads clients that were all told the same `Retry-After`. ms */
  const spreadMs = 500;

  const queue = new Set<Item>();
  const address = `${url}`.replace(/\/*$/, "/api/v1/analytics/batch");
  const head = `{"client_id":${JSON.stringify(client_id ?? null)},"events":[`;
  let bytes = 0;
  let added = 0;
  let left = 0;
  let sent = 0;
  let dropped = 0;
  /** Each answers whether it still waits for events to leave. */
  let waiters: (() => boolean)[] = [];
  let cancelTimer: (() => void) | undefined;
  let timerAtMs = Number.POSITIVE_INFINITY;
  let flight: AbortController | undefined;
  /** How many events are on their way in a request that outlives the page. */
  let outliving = 0;
  /** Events at the head that are sent without waiting for more. */
  let due = 0;
  const isAsked = typeof token === "function";
  let bearer = isAsked ? undefined : token;
  let tries = 0;
  let trouble: string | undefined;
  let eventsMax = batchEventsMax;
  /** Nothing is sent before: by the service's word, and by our own backoff. */
  let heldUntilMs = 0;
  let backoffUntilMs = 0;
  let isLeaving = false;
  let isEnding = false;

  const drop: OnDrop = (count, reason, detail) => {
    if (count === 0) return;
    dropped += count;
    onDrop(count, reason, detail);
  };

  /** Takes events out of the queue: dropped for a reason, or sent. */
  const leave = (items: Item[], reason?: DropReason, detail?: string): void => {
    for (const item of items) {
      queue.delete(item);
      bytes -= item.bytes;
    }
    left += items.length;
    due -= items.length;
    if (queue.size === 0) unsent.delete(endProcess);
    // What stays in the outbox is claimed and sent once more later, under the same ids.
    quietly(() => outbox?.remove(items.map(({ key }) => key)));
    if (reason === undefined) sent += items.length;
    else drop(items.length, reason, detail);
    waiters = waiters.filter((isWaiting) => isWaiting());
  };

  const wake = (): void => {
    if (flight !== undefined || queue.size === 0) return;
    const nowMs = now();
    const atMs = Math.max(nowMs + (due > 0 ? 0 : lingerMs), heldUntilMs, backoffUntilMs);
    if (timerAtMs <= atMs) return;
    cancelTimer?.();
    timerAtMs = atMs;
    cancelTimer = after(atMs - nowMs, attempt);
  };

  const add = (text: string): void => {
    const size = utf8.encode(text).length;
    const isLarge = size > batchBytesMax;
    if (isLarge || queue.size >= queueEventsMax || bytes + size > queueBytesMax) {
      drop(1, isLarge ? "too_large" : "queue_full", trouble);
      return;
    }
    // Where the disk or the browser has no room, the event is kept in memory alone.
    queue.add({ text, bytes: size, key: quietly(() => outbox?.add(text)) });
    bytes += size;
    added += 1;
    unsent.add(endProcess);
    if (queue.size >= eagerEvents || bytes >= eagerBytes) due = queue.size;
    wake();
  };

  async function attempt(): Promise<void> {
    cancelTimer?.();
    timerAtMs = Number.POSITIVE_INFINITY;
    const batch: Item[] = [];
    let size = 0;
    for (const item of queue) {
      const isFull = batch.length >= eventsMax || size + item.bytes > (isLeaving ? leavingBytesMax : batchBytesMax);
      if (isFull && size > 0) break;
      batch.push(item);
      size += item.bytes + 1;
    }
    const abort = new AbortController();
    flight = abort;
    outliving = isLeaving ? batch.length : 0;
    due = queue.size;
    const cancelTimeout = after(answerMsMax, () => abort.abort());
    const isFresh = bearer === undefined;
    let status = 0;
    let body = "";
    let afterMs = 0;
    try {
      // Not awaited where the token is known: a page that is being left runs no further.
      bearer ??= await Promise.race([
        isAsked ? token() : token,
        new Promise<never>((_, reject) => {
          abort.signal.onabort = reject;
        }),
      ]);
      const response = await fetch(address, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${bearer}` },
        body: `${head + batch.map(({ text }) => text)}]}`,
        // A redirect would turn the POST into a GET, which a captive portal answers with 200.
        redirect: "error",
        keepalive: outliving > 0 && size <= leavingBytesMax,
        signal: abort.signal,
      });
      afterMs = retryAfterMs(response.headers, now());
      status = response.status;
      body = await response.text();
    } catch (error) {
      // The network, the time-out, or the application's token function. A status counts, even if its body is cut off.
      body = describe(error) ?? "";
    }
    cancelTimeout();
    // Else another request has taken these events over, or the client was closed.
    if (flight !== abort) return;
    flight = undefined;
    outliving = 0;
    settle();
    wake();

    function settle(): void {
      const detail = `${status} ${body}`.slice(0, detailCharsMax);
      const asksAgain = status === 401 && isAsked;
      if (status > 199 && status < 300) {
        tries = 0;
        eventsMax = Math.min(batchEventsMax, eventsMax * 2);
        leave(batch);
      } else if (asksAgain || isTemporary(status)) {
        trouble = detail;
        if (asksAgain) bearer = undefined;
        // A token that was good until now has expired: the next one is tried at once.
        if (asksAgain && !isFresh) return;
        backoffUntilMs = now() + backoffMs(++tries, Math.random(), isEnding);
        if (afterMs > 0) heldUntilMs = now() + afterMs + Math.random() * spreadMs;
      } else if (status === 413 || status === 422) {
        const places = placesIn(body);
        const bad = batch.filter((_, place) => places.includes(place));
        if (bad.length === 0 && batch.length > 1) eventsMax = batch.length >> 1;
        else leave(bad.length > 0 ? bad : batch, status === 413 ? "too_large" : "invalid", detail);
      } else leave(batch, "refused", detail);
    }
  }

  /** Drops what waits. What is on its way may have been stored. */
  const giveUp = (reason: DropReason, detail?: string, which: (item: Item) => boolean = () => true): void => {
    flight?.abort();
    flight = undefined;
    outliving = 0;
    leave([...queue].filter(which), reason, detail);
  };

  /** Sends what is queued now. Answers when that has left the queue, and after `limitMs` in any case. */
  const drain = (limitMs: number): Promise<void> =>
    new Promise((done) => {
      const target = added;
      const cancelLimit = after(limitMs, done, "held");
      waiters.push(() => {
        if (left < target) return true;
        cancelLimit();
        done();
        return false;
      });
      due = queue.size;
      wake();
      leave([]);
    });

  /** As `drain`, with a try at once and short waits, because it is the last chance. The rest stays in the outbox. */
  const drainAtEnd = async (limitMs: number): Promise<void> => {
    const target = added;
    isEnding = true;
    backoffUntilMs = 0;
    await drain(limitMs);
    isEnding = false;
    unsent.delete(endProcess);
    if (left >= target) return;
    // What the outbox has stays there.
    giveUp("unsent", trouble, ({ key }) => key === undefined);
  };

  /** The process has nothing else to do. */
  const endProcess = (): Promise<void> => drainAtEnd(outbox === undefined ? answerMsMax : outboxMsMax);

  // What cannot be read now is claimed by a later start.
  quietly(() => outbox?.claim(add));

  /** What became of events since the last call. */
  const counted = (): Flushed => {
    const counts = { sent, dropped };
    sent = dropped = 0;
    return counts;
  };

  return {
    add,
    drop,
    flush: (limitMs = flushMsMax): Promise<Flushed> => drain(limitMs).then(counted),
    giveUp,
    async close(limitMs = closeMsMax): Promise<Flushed> {
      await drainAtEnd(limitMs);
      cancelTimer?.();
      queue.clear();
      outbox?.close?.();
      return counted();
    },
    /** The page is hidden, which may be its end, or shown again. */
    turn(isHidden: boolean): void {
      isLeaving = isHidden;
      if (!isHidden || queue.size === outliving || now() < heldUntilMs) return;
      // A request without `keepalive` ends with the page. Its events are sent again, under the same ids.
      const before = flight;
      attempt();
      before?.abort();
    },
  };
}
