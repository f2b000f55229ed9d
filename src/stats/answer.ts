/** Turns boards and a clock into the body of `GET /api/v1/analytics/stats`. */
import { type Static, Type } from "@sinclair/typebox";
import { categories } from "../event/categories.ts";
import type { BoardState } from "../shard/board.ts";

const count = (description: string) => Type.Integer({ minimum: 0, description });

const alertSchema = Type.Object({
  alert: Type.String({ description: "The name of its file, without .json" }),
  state: Type.Union([Type.Literal("firing"), Type.Literal("resolved")]),
  value: Type.Union([Type.Number(), Type.Null()], { description: "What was measured last; null: nothing yet" }),
  at: Type.Union([Type.String({ format: "date-time" }), Type.Null()], { description: "When it was measured" }),
});

/** An alert, as the stats show it. */
export type AlertShown = Static<typeof alertSchema>;

/** The body of a stats answer. */
export const statsSchema = Type.Object(
  {
    total_events: count("Events accepted, flushed or not"),
    events_by_category: Type.Record(Type.String(), Type.Integer(), { description: "All eight categories" }),
    events_today: count("Events whose timestamp is on this UTC day"),
    events_this_hour: count("Events whose timestamp is in this UTC hour"),
    buffer_status: Type.Object({
      buffer_size: count("Events accepted and not yet flushed"),
      max_buffer_size: count("Events past which the service answers 503"),
      flush_interval_seconds: Type.Number({ description: "Longest time from acceptance to a sealed segment" }),
      last_flush: Type.Union([Type.String({ format: "date-time" }), Type.Null()], {
        description: "When a segment was last sealed; null before the first",
      }),
      events_pending: count("Events accepted and not yet flushed"),
      events_flushed_total: count("Events in sealed segments"),
    }),
    alerts: Type.Optional(Type.Array(alertSchema, { description: "Only while `MILLRACE_ALERTS` is set" })),
  },
  { $id: "AnalyticsStats", title: "AnalyticsStats" },
);

/** A stats answer. */
type Stats = Static<typeof statsSchema>;

/** The settings that the answer shows. */
type StatsLimits = { bufferEventsMax: number; flushIntervalMs: number };

const hourMs = 3_600_000;

/**
 * Adds up the boards of all shards. Each is one consistent state, so pending and flushed events add up to the total.
 */
export function statsAnswer(boards: readonly BoardState[], nowMs: number, limits: StatsLimits): Stats {
  const byCategory = categories.map((_, index) => sum(boards, (board) => board.byCategory[index] ?? 0));
  const hour = Math.floor(nowMs / hourMs);
  const today = hour - (hour % 24);
  const pending = sum(boards, (board) => board.pendingEvents);
  const lastFlushMs = Math.max(0, ...boards.map((board) => board.lastFlushMs));
  return {
    total_events: byCategory.reduce((total, events) => total + events, 0),
    events_by_category: Object.fromEntries(categories.map((category, index) => [category, byCategory[index] ?? 0])),
    events_today: sum(boards, (board) => hoursOf(board, today, today + 24)),
    events_this_hour: sum(boards, (board) => hoursOf(board, hour, hour + 1)),
    buffer_status: {
      buffer_size: pending,
      max_buffer_size: limits.bufferEventsMax,
      flush_interval_seconds: limits.flushIntervalMs / 1000,
      last_flush: lastFlushMs === 0 ? null : new Date(lastFlushMs).toISOString(),
      events_pending: pending,
      events_flushed_total: sum(boards, (board) => board.sealedEvents),
    },
  };
}

const sum = (boards: readonly BoardState[], of: (board: BoardState) => number) =>
  boards.reduce((total, board) => total + of(board), 0);

/** Events in the hours from `from` (inclusive) to `to` (exclusive), as far as the board counts them. */
function hoursOf(board: BoardState, from: number, to: number): number {
  const counted = board.byHour.slice(Math.max(0, from - board.hoursFrom), Math.max(0, to - board.hoursFrom));
  return counted.reduce((total, events) => total + events, 0);
}
