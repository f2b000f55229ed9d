/** What an application sees of the client. */

/** The service's categories; `user_action` when none is given. */
export type Category =
  | "page_view"
  | "user_action"
  | "trading"
  | "auth"
  | "error"
  | "performance"
  | "feature"
  | "system";

/** The service's priorities; `medium` when none is given. */
export type Priority = "low" | "medium" | "high" | "critical";

/** Fields of one event, by the names of the API. They replace what the client would fill in itself. */
export type EventOptions = {
  category?: Category | undefined;
  priority?: Priority | undefined;
  /** ISO 8601, Unix seconds or milliseconds, or a Date. Default: the moment of the call. */
  timestamp?: string | number | Date | undefined;
  session_id?: string | null | undefined;
  page_url?: string | null | undefined;
  referrer?: string | null | undefined;
  user_agent?: string | null | undefined;
  /** An event that names a user or a device is sent as it is: the client's own `anonymous_id` is not added. */
  user_id?: string | null | undefined;
  anonymous_id?: string | null | undefined;
  /** A UUID. Default: a new UUIDv7. */
  event_id?: string | undefined;
};

/**
 * Why events were dropped:
 * - `queue_full`: 10,000 events or 16 MB already wait.
 * - `too_large`: one event larger than a request may be.
 * - `not_json`: the event cannot be written as JSON (a cycle, a BigInt, a getter that throws).
 * - `invalid`: the service found the event invalid (422); the detail says where.
 * - `refused`: an answer that no retry would change (400, 403, 404, …); the detail has it.
 * - `opted_out`: the person does not want to be measured.
 * - `closed`: the client had been closed.
 * - `unsent`: the client was closed, or the process ended, before the service could be reached.
 * - `misconfigured`: `url` or `token` cannot be used.
 */
export type DropReason =
  | "queue_full"
  | "too_large"
  | "not_json"
  | "invalid"
  | "refused"
  | "opted_out"
  | "closed"
  | "unsent"
  | "misconfigured";

/** How to reach the service. */
export type ClientOptions = {
  /** Where the service is: an origin, as `https://events.example`, or one with a path in front of the API. */
  url: string;
  /** A token or a write key, or a function that gives one: it is asked at the first send and after each 401. */
  token: string | (() => string | Promise<string>);
  /** Who sends, kept on each event. */
  client_id?: string | undefined;
  /** The device or visitor. Default: a new UUID, kept in localStorage in a page. Null: none, and nothing is kept. */
  anonymous_id?: string | null | undefined;
  /** Keeps events that are not sent yet, for the next load of a page or the next start of a process. Default: none. */
  outbox?: "localStorage" | Outbox | undefined;
  /**
   * Called once for events that will not be sent. Default: a warning on the console, once for each reason. What it
   * tracks itself and is dropped at once is counted by `flush`, and not reported again.
   */
  onDrop?: ((count: number, reason: DropReason, detail?: string) => void) | undefined;
};

/** Events that left the client since `flush` last answered. */
export type Flushed = {
  /** Acknowledged by the service. */
  sent: number;
  /** Reported to `onDrop`. */
  dropped: number;
};

/** Sends events in the background. No method throws, and no promise rejects. */
export interface Client extends AsyncDisposable {
  /** Queues one event. Its properties are copied at once. */
  track(name: string, properties?: object | null, options?: EventOptions): void;
  /** Sends one event with the user's id and the client's anonymous id, by which the service joins the two. */
  identify(userId: string, options?: EventOptions): void;
  /** Sends a page view with the page's address and referrer. */
  page(properties?: object | null, options?: EventOptions): void;
  /** Drops what waits, forgets the visitor, and records nothing from now on; in a page also after a reload. */
  optOut(): void;
  /** Records again after `optOut`. */
  optIn(): void;
  /** Sends what was tracked before. Answers when that is sent or dropped, and after `limitMs` (30 s) in any case. */
  flush(limitMs?: number): Promise<Flushed>;
  /**
   * Sends what waits, for at most `limitMs` (10 s), and ends the client. What is then unsent is dropped, or stays in
   * the outbox.
   */
  close(limitMs?: number): Promise<Flushed>;
}

/** Where an event is kept until it is sent. Methods may throw: the event is then kept in memory alone. */
export interface Outbox {
  /** Keeps an event, and returns the key under which `remove` knows it; undefined if there is no room. */
  add(event: string): string | undefined;
  /** Removes events that were sent or dropped. */
  remove(keys: (string | undefined)[]): void;
  /** Removes the events that an earlier page or process left behind, and hands them over; `take` adds them again. */
  claim(take: (event: string) => void): void;
  /** Releases what is left to whoever opens the outbox next. */
  close?(): void;
}
