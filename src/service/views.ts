/** What a service reports about itself: health, metrics and warnings. */
import { systemClock } from "../base/clock.ts";
import { loadMetrics } from "../http/endpoints/load-metrics.ts";
import type { ShardHost } from "../shard/lanes/all-shards.ts";
import { healthAnswer } from "../stats/health.ts";
import type { Parts } from "./parts.ts";

/** The body of the health endpoint. */
export function healthOf(parts: Parts) {
  const { life, config, publisher } = parts;
  return healthAnswer({
    phase: life.phase,
    shards: shardViews(parts),
    disk: parts.disk.state,
    stuck: parts.dispatcher.stuck,
    holdings: publisher.holdings,
    catalogFailure: publisher.failure,
    warnings: warningsOf(parts),
    flushIntervalMs: config.flushIntervalMs,
    bufferEventsMax: config.bufferEventsMax,
    nowMs: systemClock.nowMs(),
  });
}

/** The page of metrics, in the format of Prometheus. */
export async function metricsOf(parts: Parts): Promise<string> {
  const { front } = parts.life;
  return (await loadMetrics()).scrape({
    shards: shardViews(parts),
    keeper: parts.keeper,
    connections: front?.connections,
    histograms: await parts.allShards.histograms(),
    refusals: parts.refusals,
    refusedEvents: parts.refusedEvents.counts,
    holdings: parts.publisher.holdings,
    queries: parts.queries,
    tail: parts.tail,
    alerts: parts.life.alerts?.counts,
    bodyBytes: parts.receipt.bytes,
    diskFreeBytes: parts.disk.state.freeBytes,
    nowMs: systemClock.nowMs(),
  });
}

/** Warnings that concern a person but harm no new event, one sentence each, from all parts. */
function warningsOf({ startWarnings, doors, schemas, alertFiles, life, refusedEvents }: Parts): readonly string[] {
  const { watch, upkeep, alerts, front } = life;
  const ofParts = [
    alertFiles?.warnings(),
    alerts?.warnings,
    watch?.warnings,
    upkeep?.warnings,
    front?.connections.warnings,
    refusedEvents.warnings,
  ];
  const told = [doors.warnings(), schemas.warnings, ...ofParts];
  return [...startWarnings, ...told.flatMap((warnings) => warnings ?? [])];
}

function shardViews({ boards, shards }: Parts) {
  const stateOf = (shard?: ShardHost) => ({ isReady: shard?.isReady === true, restarts: shard?.restarts ?? 0 });
  return boards.map((board, index) => ({ board: board.read(), ...stateOf(shards[index]) }));
}
