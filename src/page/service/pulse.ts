/** What the service counts by itself: `stats` every two seconds, `health` every ten. No query process is needed. */
import { Cell } from "../state/cell.ts";
import { isRecord, jsonOf, request, ServiceGone, ServiceRefused } from "./request.ts";
import { token } from "./token.ts";
import { pause, untilSeen } from "./wait.ts";

/** An alert: its state, and what was measured last and when, ms since 1970; undefined before the first turn. */
export type Alert = { alert: string; state: string; value: number | undefined; atMs: number | undefined };

/** The counts, and when they were right. */
type Stats = {
  totalEvents: number;
  byCategory: ReadonlyMap<string, number>;
  today: number;
  thisHour: number;
  pending: number;
  pendingMax: number;
  flushed: number;
  lastFlush: string | undefined;
  flushIntervalSeconds: number;
  alerts: readonly Alert[];
  asOfMs: number;
};

/** The last counts; undefined before the first. */
export const stats: Cell<Stats | undefined> = new Cell<Stats | undefined>(undefined);

/** Why there are no counts although the service answers: the token lacks the scope, say. */
export const statsRefusal: Cell<string | undefined> = new Cell<string | undefined>(undefined);

/** A moment of the last minutes: events a second since the moment before, over all and by category. */
type Moment = { atMs: number; rate: number; byCategory: ReadonlyMap<string, number> };

/** The last ten minutes, the oldest first. */
export const moments: Cell<readonly Moment[]> = new Cell<readonly Moment[]>([]);

/** What `GET /health` says, as it is, and when; undefined before the first. */
export const health: Cell<{ body: Readonly<Record<string, unknown>>; asOfMs: number } | undefined> = new Cell<
  { body: Readonly<Record<string, unknown>>; asOfMs: number } | undefined
>(undefined);

// What one token may see, the next one may not.
token.listen(() => {
  stats.value = undefined;
  statsRefusal.value = undefined;
  moments.value = [];
  health.value = undefined;
});

/** Between two looks. ms */
const statsMs = 2_000;
/** Between two looks. ms */
const healthMs = 10_000;

/** These two answer at once; a service that has not by then stands still, or the connection is dead. ms */
const lookMsMax = 10_000;

/** Ten minutes of moments. */
const momentsMax = 300;

/** Looks at stats and health until `signal` is aborted, while the tab is seen. */
export async function watchPulse(signal: AbortSignal): Promise<void> {
  await Promise.all([repeat(statsMs, signal, lookAtStats), repeat(healthMs, signal, lookAtHealth)]);
}

async function repeat(everyMs: number, signal: AbortSignal, look: (signal: AbortSignal) => Promise<void>) {
  while (!signal.aborted) {
    await untilSeen(signal);
    try {
      await look(AbortSignal.any([signal, AbortSignal.timeout(lookMsMax)]));
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ServiceGone || error instanceof ServiceRefused)) throw error;
    }
    await pause(everyMs, signal);
  }
}

async function lookAtStats(signal: AbortSignal): Promise<void> {
  if (token.value === "") return;
  try {
    const asOfMs = Date.now();
    const body: unknown = await jsonOf(await request("api/v1/analytics/stats", { signal }));
    const next = statsOf(body, asOfMs);
    remember(stats.value, next);
    stats.value = next;
    statsRefusal.value = undefined;
  } catch (error) {
    if (error instanceof ServiceRefused) statsRefusal.value = error.message;
    throw error;
  }
}

async function lookAtHealth(signal: AbortSignal): Promise<void> {
  const asOfMs = Date.now();
  // 503 is an answer here: it says what is wrong.
  const body: unknown = await jsonOf(await request("api/v1/analytics/health", { signal, alsoOk: [503] }));
  if (isRecord(body)) health.value = { body, asOfMs };
}

/** A total that is smaller than before is that of another service, or of one that lost its folder: no rate of it. */
function remember(before: Stats | undefined, now: Stats): void {
  const seconds = (now.asOfMs - (before?.asOfMs ?? now.asOfMs)) / 1000;
  // A tab that was hidden knows nothing of the time between.
  if (before === undefined || seconds <= 0 || now.totalEvents < before.totalEvents || seconds > 10) {
    moments.value = [];
    return;
  }
  const byCategory = new Map(
    [...now.byCategory].map(([name, events]) => [
      name,
      Math.max(0, events - (before.byCategory.get(name) ?? 0)) / seconds,
    ]),
  );
  const rate = (now.totalEvents - before.totalEvents) / seconds;
  moments.value = [...moments.value, { atMs: now.asOfMs, rate, byCategory }].slice(-momentsMax);
}

function statsOf(body: unknown, asOfMs: number): Stats {
  if (!isRecord(body)) throw new ServiceGone("What answered is not this service");
  const buffer = isRecord(body["buffer_status"]) ? body["buffer_status"] : {};
  const categories = isRecord(body["events_by_category"]) ? body["events_by_category"] : {};
  const flushed = buffer["last_flush"];
  return {
    totalEvents: numberOf(body["total_events"]),
    byCategory: new Map(Object.entries(categories).map(([name, events]) => [name, numberOf(events)])),
    today: numberOf(body["events_today"]),
    thisHour: numberOf(body["events_this_hour"]),
    pending: numberOf(buffer["events_pending"]),
    pendingMax: numberOf(buffer["max_buffer_size"]),
    flushed: numberOf(buffer["events_flushed_total"]),
    lastFlush: typeof flushed === "string" ? flushed : undefined,
    flushIntervalSeconds: numberOf(buffer["flush_interval_seconds"]),
    alerts: Array.isArray(body["alerts"]) ? body["alerts"].filter(isRecord).map(alertOf) : [],
    asOfMs,
  };
}

const alertOf = ({ alert, state, value, at }: Readonly<Record<string, unknown>>): Alert => ({
  alert: String(alert),
  state: String(state),
  value: typeof value === "number" ? value : undefined,
  atMs: typeof at === "string" ? Date.parse(at) : undefined,
});

const numberOf = (value: unknown) => (typeof value === "number" ? value : 0);
