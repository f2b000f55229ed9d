/** Turns boards, disk state and actor state into the body of `GET /api/v1/analytics/health`. */
import { type Static, Type } from "@sinclair/typebox";
import type { DiskState } from "../base/disk.ts";
import type { ShardHoldings } from "../keeper/protocol.ts";
import { type BoardState, diskWorkMsMax } from "../shard/board.ts";

/** The states of the service, from start to stop. */
const healthStatuses = ["starting", "ok", "degraded", "stopping"] as const;

/** The body of a health answer. */
export const healthSchema = Type.Object(
  {
    status: Type.Union(healthStatuses.map((status) => Type.Literal(status))),
    problems: Type.Array(Type.String(), { description: "What keeps the status from `ok`" }),
    warnings: Type.Array(Type.String(), { description: "What a person should look at, while all shards accept" }),
    shards: Type.Array(
      Type.Object({
        shard: Type.Integer(),
        accepting: Type.Boolean(),
        events_pending: Type.Integer(),
        oldest_unsealed_seconds: Type.Number({ description: "Age of the oldest event that is not yet sealed" }),
      }),
    ),
    oldest_unsealed_seconds: Type.Number({ description: "The same over all shards" }),
    segments: Type.Integer({ description: "Sealed segments that the catalog names" }),
    freshness: Type.Array(
      Type.Object({
        shard: Type.Union([Type.Integer(), Type.Null()], { description: "null: all of them" }),
        watermark: Type.String({ format: "date-time", description: "What was accepted before is in the catalog" }),
        rows: Type.Integer(),
        segments: Type.Integer(),
        bytes: Type.Integer(),
        age_seconds: Type.Number({ description: "Age of the watermark" }),
      }),
      { description: "What the catalog shows, of each shard and of all: the same as its view `freshness`" },
    ),
    disk_free_bytes: Type.Integer(),
  },
  { $id: "AnalyticsHealth", title: "AnalyticsHealth" },
);

/** A health answer. */
export type Health = Static<typeof healthSchema>;

/** The input that health is judged from. */
type HealthView = {
  phase: "starting" | "running" | "stopping";
  shards: { isReady: boolean; board: BoardState }[];
  disk: DiskState;
  /** Numbers of the shards that requests have waited for too long. */
  stuck: readonly number[];
  holdings: readonly ShardHoldings[];
  catalogFailure: string | undefined;
  /** Warnings of other parts: one sentence each, which says what to do and names no path. */
  warnings: readonly string[];
  flushIntervalMs: number;
  bufferEventsMax: number;
  nowMs: number;
};

/** A flush has stalled when the oldest event has waited for three intervals and for at least this time. ms */
const stalledMsMin = 10_000;

/** One failed flush is retried within 0.2 s and harms nothing; from the second in a row on it is reported. */
const flushFailuresTold = 2;

/** Judges the service: `ok` only when every shard accepts and what it accepts is sealed in time. */
export function healthAnswer(view: HealthView): Health {
  const ages = view.shards.map(({ board }) => ageSeconds(board, view.nowMs));
  const oldest = Math.max(0, ...ages);
  const problems = view.phase === "running" ? problemsOf(view, oldest) : [];
  const freshness = freshnessOf(view.holdings, view.nowMs);
  const isOk = view.phase === "running" && problems.length === 0;
  return {
    status: view.phase === "running" ? (isOk ? "ok" : "degraded") : view.phase,
    problems,
    warnings: warningsOf(view),
    shards: view.shards.map(({ isReady, board }, shard) => ({
      shard,
      accepting:
        isAccepting({ isReady, board }) && view.phase === "running" && !view.disk.isLow && !view.stuck.includes(shard),
      events_pending: board.pendingEvents,
      oldest_unsealed_seconds: ages[shard] ?? 0,
    })),
    oldest_unsealed_seconds: oldest,
    segments: freshness.at(-1)?.segments ?? 0,
    freshness,
    disk_free_bytes: view.disk.freeBytes,
  };
}

/** What the catalog shows for each shard, and last for all together; empty before the first catalog. */
export function freshnessOf(holdings: readonly ShardHoldings[], nowMs: number): Health["freshness"] {
  if (holdings.length === 0) return [];
  const sum = (of: (one: ShardHoldings) => number) => holdings.reduce((total, one) => total + of(one), 0);
  const all = {
    shard: null,
    watermarkMs: Math.min(...holdings.map(({ watermarkMs }) => watermarkMs)),
    events: sum(({ events }) => events),
    segments: sum(({ segments }) => segments),
    bytes: sum(({ bytes }) => bytes),
  };
  return [...holdings, all].map(({ shard, watermarkMs, events, segments, bytes }) => ({
    shard,
    watermark: new Date(watermarkMs).toISOString(),
    rows: events,
    segments,
    bytes,
    age_seconds: Math.max(0, nowMs - watermarkMs) / 1000,
  }));
}

const isAccepting = (shard: { isReady: boolean; board: BoardState }) =>
  shard.isReady && shard.board.ready === 1 && shard.board.journalFailed === 0;

/** Age of the oldest event of a shard that is not yet sealed. */
export function ageSeconds(board: BoardState, nowMs: number): number {
  return board.pendingEvents === 0 || board.oldestPendingMs === 0
    ? 0
    : Math.max(0, nowMs - board.oldestPendingMs) / 1000;
}

/**
 * What harms new events. It alerts an operator and makes a load balancer go elsewhere. Each sentence says what to do.
 */
function problemsOf(view: HealthView, oldestSeconds: number): string[] {
  const problems: string[] = [];
  for (const [shard, { isReady, board }] of view.shards.entries()) {
    if (view.stuck.includes(shard))
      problems.push(
        `shard ${shard}: no durable commit for ${diskWorkMsMax / 1000} s; its disk does not answer, check the device and its mount`,
      );
    if (!isReady || board.ready === 0)
      problems.push(`shard ${shard} is recovering and takes no events; wait, and read the log if it lasts`);
    else if (board.journalFailed === 1)
      problems.push(
        `shard ${shard}: its journal cannot be written; check the disk's space and quota, and the log for its errors`,
      );
    else if (board.unprovenBytes > 0)
      problems.push(
        `shard ${shard}: ${board.unprovenBytes} bytes at once cannot be written; check the disk's space and quota, and the limit on the size of files (ulimit -f)`,
      );
    if (board.flushFailuresInRow >= flushFailuresTold)
      problems.push(
        `shard ${shard}: flush failed ${board.flushFailuresInRow} times in a row; the journal keeps its events, read "flush failed" in the log`,
      );
  }
  const pending = view.shards.reduce((total, { board }) => total + board.pendingEvents, 0);
  if (pending >= view.bufferEventsMax)
    problems.push(
      `the buffer is full: ${pending} events wait to be sealed; send less, or raise MILLRACE_MAX_BUFFER_EVENTS`,
    );
  if (view.disk.silentMs >= diskWorkMsMax)
    problems.push(
      `the disk of the data folder has not answered for ${Math.round(view.disk.silentMs / 1000)} s; check the device and its mount`,
    );
  if (view.disk.failure !== undefined) problems.push(diskFailureText(view.disk.failure));
  if (view.disk.isLow)
    problems.push(`the disk is full: ${view.disk.freeBytes} bytes free; free space, or move the data folder`);
  if (oldestSeconds * 1000 > Math.max(stalledMsMin, 3 * view.flushIntervalMs))
    problems.push(
      `flush stalled: the oldest event waits for ${Math.round(oldestSeconds)} s; read the log, and check the disk and the load`,
    );
  return problems;
}

function diskFailureText(failure: string): string {
  if (failure === "EROFS") return "the disk of the data folder is read-only; mount it for writing again";
  if (failure === "EMFILE" || failure === "ENFILE")
    return "the process has no free file descriptor; raise its limit (ulimit -n), or allow fewer connections";
  return `the disk of the data folder cannot be written (${failure}); check its mount, its space, its quota and its permissions`;
}

/** What needs a person but harms no new event. */
function warningsOf(view: HealthView): string[] {
  const corrupt = view.shards.reduce((total, { board }) => total + board.corruptJournals, 0);
  const refused = view.shards.reduce((total, { board }) => total + board.refusedLines, 0);
  const warnings: string[] = [];
  if (view.catalogFailure !== undefined)
    warnings.push(
      'the catalog cannot be published, so readers see an older state; read "catalog not published" in the log, and run "millrace verify"',
    );
  if (corrupt > 0)
    warnings.push(
      `${corrupt} corrupt journal files are in journal/corrupt; look at what they hold, then move them elsewhere`,
    );
  if (refused > 0)
    warnings.push(
      `${refused} journal lines that could not be sealed are in journal/refused, each with its reason; look at them, then move them elsewhere`,
    );
  return [...warnings, ...view.warnings];
}
