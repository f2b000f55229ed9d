/**
 * The events that wait, and what sends them: one request at a time, or several when a page is left. Their events stay
 * in the queue until the answer. Each event leaves the queue once: acknowledged, or dropped and reported.
 */
import type { Clock } from "./clock.ts";
import { describe, quietly } from "./event-text.ts";
import { unsent } from "./process-end.ts";
import type { OnDrop } from "./report.ts";
import { backoffMs, retryAfterMs } from "./retry.ts";
import type { ClientOptions, DropReason, Flushed, Outbox } from "./types.ts";

/**
 * An event as JSON, with its size in UTF-8 and its key in the outbox. `last`: the request that it was sent with. Those
 * of one request are sent again together, so that a retry is the same request, byte for byte.
 */
type Item = { text: string; bytes: number; key: string | undefined; last?: AbortController | undefined };

const utf8 = new TextEncoder();

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

  /** When a timer fires that is not set. ms */
  const never = 1e15;

  /** What `onDrop` is told of an answer. Characters. */
  const detailCharsMax = 500;

  /** Spreads clients that were all told the same `Retry-After`. ms */
  const spreadMs = 500;

  const queue = new Set<Item>();
  const address = `${url}`.replace(/\/*$/, "/api/v1/analytics/batch");
  const head = JSON.stringify({ client_id, events: [] }).slice(0, -2);
  let bytes = 0;
  let added = 0;
  let left = 0;
  let sent = 0;
  let dropped = 0;
  /** Each answers whether it still waits for events to leave. */
  let waiters: (() => unknown)[] = [];
  let cancelTimer: (() => void) | undefined;
  let timerAtMs = never;
  /** Requests on their way. */
  const flights = new Set<AbortController | undefined>();
  /** Events at the head that are sent without waiting for more. */
  let due = 0;
  const ask = typeof token === "function" ? token : undefined;
  let bearer = typeof token === "function" ? undefined : token;
  let tries = 0;
  let trouble: string | undefined;
  let eventsMax = batchEventsMax;
  /** Nothing is sent before: by the service's word, and by our own backoff. */
  let heldUntilMs = 0;
  let backoffUntilMs = 0;
  let isLeaving = false;
  let isEnding = false;

  const drop: OnDrop = (count, reason, detail) => {
    if (!count) return;
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
    if (!queue.size) unsent.delete(endProcess);
    // What stays in the outbox is claimed and sent once more later, under the same ids.
    quietly(() => outbox?.remove(items.map(({ key }) => key)));
    if (reason) drop(items.length, reason, detail);
    else sent += items.length;
    waiters = waiters.filter((isWaiting) => isWaiting());
  };

  const wake = (): void => {
    if (flights.size || !queue.size) return;
    const nowMs = now();
    const atMs = Math.max(nowMs + (due > 0 ? 0 : lingerMs), heldUntilMs, backoffUntilMs);
    if (timerAtMs <= atMs) return;
    cancelTimer?.();
    timerAtMs = atMs;
    cancelTimer = after(atMs - nowMs, attempt);
  };

  const add = (text: string): void => {
    const size = utf8.encode(text).length;
    const isFull = queue.size >= queueEventsMax || bytes + size > queueBytesMax;
    const reason = size > batchBytesMax ? "too_large" : isFull && "queue_full";
    if (reason) {
      drop(1, reason, trouble);
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

  /** Sends the next events: those of one request that failed, or new ones. A page that is left sends all it may. */
  async function attempt(): Promise<void> {
    cancelTimer?.();
    timerAtMs = never;
    let room = isLeaving ? leavingBytesMax : batchBytesMax;
    const batch: Item[] = [];
    let size = 0;
    for (const item of queue) {
      const isLarge = size + item.bytes > room;
      if (flights.has(item.last)) room -= isLarge ? 0 : item.bytes + 1;
      // One that is larger than what may outlive a page goes first and alone, without `keepalive`.
      else if (isLarge && flights.size) continue;
      else if (size && (isLarge || batch.length >= eventsMax || item.last !== batch[0]?.last)) break;
      else {
        batch.push(item);
        size += item.bytes + 1;
      }
    }
    due = queue.size;
    if (!size) return;
    const abort = new AbortController();
    flights.add(abort);
    for (const item of batch) item.last = abort;
    const cancelTimeout = after(answerMsMax, () => abort.abort());
    const isFresh = bearer === undefined;
    let status = 0;
    let body = "";
    let afterMs = 0;
    try {
      // Not awaited where the token is known: a page that is being left runs no further.
      bearer ??= await Promise.race([
        ask?.(),
        new Promise<never>((_, reject) => {
          abort.signal.onabort = reject;
        }),
      ]);
      const answer = fetch(address, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${bearer}` },
        body: `${head + batch.map(({ text }) => text)}]}`,
        // A redirect would turn the POST into a GET, which a captive portal answers with 200.
        redirect: "error",
        keepalive: isLeaving && size <= leavingBytesMax,
        signal: abort.signal,
      });
      // As much as may outlive the page.
      if (isLeaving) attempt();
      const response = await answer;
      afterMs = retryAfterMs(response.headers, now());
      status = response.status;
      body = await response.text();
    } catch (error) {
      // The network, the time-out, or the application's token function. A status counts, even if its body is cut off.
      body = describe(error) ?? "";
    }
    cancelTimeout();
    // Else another request has taken these events over, or the client was closed.
    if (!flights.delete(abort)) return;
    const detail = `${status} ${body}`.slice(0, detailCharsMax);
    const asksAgain = status === 401 && ask;
    if (status > 199 && status < 300) {
      tries = 0;
      eventsMax = Math.min(batchEventsMax, eventsMax * 2);
      leave(batch);
    } else if (asksAgain || status < 1 || status > 499 || [408, 425, 429].includes(status)) {
      trouble = detail;
      if (asksAgain) bearer = undefined;
      // A token that was good until now has expired: the next one is tried at once.
      if (!asksAgain || isFresh) {
        backoffUntilMs = now() + backoffMs(++tries, Math.random(), isEnding);
        if (afterMs > 0) heldUntilMs = now() + afterMs + Math.random() * spreadMs;
      }
    } else if (status === 413 || status === 422) {
      // Places in the batch, which the body of a 422 names by `loc`: `["body", "events", 3, …]`.
      const places: unknown[] =
        quietly(() => JSON.parse(body).detail.map(({ loc }: { loc: unknown[] }) => loc[2])) ?? [];
      const bad = batch.filter((_, place) => places.includes(place));
      if (!bad[0] && batch[1]) eventsMax = batch.length >> 1;
      else leave(bad[0] ? bad : batch, status === 413 ? "too_large" : "invalid", detail);
    } else leave(batch, "refused", detail);
    wake();
  }

  /** Gives up requests on their way. Their events are still in the queue. */
  const ground = (): void => {
    for (const abort of flights) abort?.abort();
    flights.clear();
  };

  /** Drops what waits; `isLast`: only what no outbox keeps. What is on its way may have been stored. */
  const giveUp = (reason: DropReason, detail?: string, isLast?: boolean): void => {
    ground();
    const items = [...queue].filter(({ key }) => !(isLast && key));
    leave(items, reason, detail);
  };

  /** Sends what is queued now. Answers when that has left the queue, and after `limitMs` in any case. */
  const drain = (limitMs: number): Promise<void> =>
    new Promise((done) => {
      const target = added;
      const finish = (): void => {
        cancelLimit();
        done();
      };
      const cancelLimit = after(limitMs, finish, "held");
      waiters.push(() => left < target || finish());
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
    if (left < target) giveUp("unsent", trouble, true);
  };

  /** The process has nothing else to do. */
  const endProcess = (): Promise<void> => drainAtEnd(outbox ? outboxMsMax : answerMsMax);

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
      queue.clear();
      outbox?.close?.();
      return counted();
    },
    /** The page is hidden, which may be its end, or shown again. */
    turn(isHidden: boolean): void {
      const isShown = !isLeaving;
      isLeaving = isHidden;
      if (!isHidden || now() < heldUntilMs) return;
      // A request without `keepalive` ends with the page. Its events are sent again, under the same ids.
      if (isShown) ground();
      attempt();
    },
  };
}
