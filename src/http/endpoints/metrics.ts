/**
 * The scrape: boards, disk and counters as they are now, and the histograms of all threads added up. prom-client: the
 * reference client of Prometheus for this platform; it also adds up the counts of several threads.
 */
import { AggregatorRegistry, Counter, Gauge, Registry } from "prom-client";
import type { AlertCounts } from "../../alerts/alerts.ts";
import { type HistogramCounts, histograms, type ScrapedMetric, scrapedMetrics } from "../../base/metrics.ts";
import type { ShardHoldings } from "../../keeper/protocol.ts";
import type { QueryRunner } from "../../query/runner.ts";
import type { RefusedStore } from "../../refused/refused-store.ts";
import type { BoardState } from "../../shard/board.ts";
import { ageSeconds, freshnessOf } from "../../stats/health.ts";
import type { Tail } from "../../tail/tail.ts";
import type { Connections } from "../connections/connections.ts";
import type { RefusalCounters } from "../edge/counters.ts";

/** What a scrape reads. */
type ScrapeView = {
  shards: { board: BoardState; isReady: boolean; restarts: number }[];
  keeper: { restarts: number };
  /** Undefined before it listens. */
  connections: Pick<Connections, "open" | "closed" | "max"> | undefined;
  /** The histograms of each thread; a thread that does not answer is left out. */
  histograms: HistogramCounts[][];
  refusals: RefusalCounters;
  refusedEvents: RefusedStore["counts"];
  holdings: readonly ShardHoldings[];
  queries: QueryRunner;
  tail: Pick<Tail, "readers" | "missedEvents">;
  /** Undefined: there is no folder of alerts. */
  alerts: AlertCounts | undefined;
  bodyBytes: number;
  diskFreeBytes: number;
  nowMs: number;
};

/** Metrics that are reported for each shard and for all shards together. */
type FreshnessMetric =
  | "millrace_watermark_timestamp_seconds"
  | "millrace_segment_rows"
  | "millrace_segments"
  | "millrace_segment_bytes";

type LabelledMetric =
  | FreshnessMetric
  | "millrace_requests_refused_total"
  | "millrace_queries_total"
  | "millrace_alerts_firing"
  | "millrace_alerts_turns_total"
  | "millrace_alerts_messages_total"
  | "millrace_schema_misfits_total";

/** The metrics in Prometheus text format. */
export async function scrape(view: ScrapeView): Promise<string> {
  const registry = new Registry();
  const boards = view.shards.map(({ board }) => board);
  const total = (of: (board: BoardState) => number) => boards.reduce((sum, board) => sum + of(board), 0);
  const values: Record<Exclude<ScrapedMetric, LabelledMetric>, number> = {
    millrace_events_accepted_total: total((board) => board.acceptedEvents),
    millrace_duplicates_total: total((board) => board.duplicates),
    millrace_conflicts_total: total((board) => board.conflicts),
    millrace_tail_readers: view.tail.readers,
    millrace_tail_missed_events_total: view.tail.missedEvents,
    millrace_backlog_events: total((board) => board.pendingEvents),
    millrace_events_sealed_total: total((board) => board.sealedEvents),
    millrace_journal_bytes: total((board) => board.journalBytes),
    millrace_oldest_unsealed_seconds: Math.max(0, ...boards.map((board) => ageSeconds(board, view.nowMs))),
    millrace_flush_failures_total: total((board) => board.flushFailures),
    millrace_corrupt_journals: total((board) => board.corruptJournals),
    millrace_lines_refused: total((board) => board.refusedLines),
    millrace_refused_events_total: view.refusedEvents.keptEvents,
    millrace_refused_events_dropped_total: view.refusedEvents.droppedEvents,
    millrace_refused_bytes: view.refusedEvents.bytes,
    millrace_connections: view.connections?.open ?? Number.NaN,
    millrace_connections_max: view.connections?.max ?? Number.NaN,
    millrace_connections_closed_total: view.connections?.closed ?? 0,
    millrace_keeper_restarts_total: view.keeper.restarts,
    millrace_worker_restarts_total: view.shards.reduce((sum, { restarts }) => sum + restarts, 0),
    millrace_body_bytes: view.bodyBytes,
    millrace_disk_free_bytes: view.diskFreeBytes,
    millrace_shards_ready: view.shards.filter(({ isReady }) => isReady).length,
  };
  for (const [name, value] of Object.entries(values)) add(registry, name as keyof typeof values, value);
  for (const { shard, watermark, rows, segments, bytes } of freshnessOf(view.holdings, view.nowMs)) {
    const labels = { shard: String(shard ?? "all") };
    gauge(registry, "millrace_watermark_timestamp_seconds").set(labels, Date.parse(watermark) / 1000);
    gauge(registry, "millrace_segment_rows").set(labels, rows);
    gauge(registry, "millrace_segments").set(labels, segments);
    gauge(registry, "millrace_segment_bytes").set(labels, bytes);
  }
  const refused = counter(registry, "millrace_requests_refused_total", ["reason"]);
  for (const [reason, requests] of view.refusals.entries()) refused.inc({ reason }, requests);
  const misfits = counter(registry, "millrace_schema_misfits_total", ["action"]);
  misfits.inc(
    { action: "warned" },
    total((board) => board.misfitsWarned),
  );
  misfits.inc(
    { action: "refused" },
    total((board) => board.misfitsRefused),
  );
  const queries = counter(registry, "millrace_queries_total", ["outcome"]);
  for (const [outcome, times] of view.queries.outcomes()) queries.inc({ outcome }, times);
  if (view.alerts !== undefined) addAlerts(registry, view.alerts);
  const own = await registry.getMetricsAsJSON();
  return AggregatorRegistry.aggregate([own, ...view.histograms.map((ofThread) => ofThread.map(metricOf))]).metrics();
}

function addAlerts(registry: Registry, { firing, turns, messages }: AlertCounts): void {
  const { help } = scrapedMetrics.millrace_alerts_firing;
  const gauge = new Gauge({ name: "millrace_alerts_firing", help, labelNames: ["alert"], registers: [registry] });
  for (const { alert, isFiring } of firing) gauge.set({ alert }, isFiring ? 1 : 0);
  const ofTurns = counter(registry, "millrace_alerts_turns_total", ["outcome"]);
  for (const [outcome, times] of Object.entries(turns)) ofTurns.inc({ outcome }, times);
  const ofMessages = counter(registry, "millrace_alerts_messages_total", ["outcome"]);
  for (const [outcome, times] of Object.entries(messages)) ofMessages.inc({ outcome }, times);
}

function add(registry: Registry, name: ScrapedMetric, value: number): void {
  const { type, help } = scrapedMetrics[name];
  if (type === "counter") counter(registry, name, []).inc(value);
  else new Gauge({ name, help, registers: [registry] }).set(value);
}

/** A gauge with a label for the shard; created on the first call, and returned again by later ones. */
function gauge(registry: Registry, name: FreshnessMetric): Gauge<"shard"> {
  const known = registry.getSingleMetric(name);
  if (known instanceof Gauge) return known;
  return new Gauge({ name, help: scrapedMetrics[name].help, labelNames: ["shard"], registers: [registry] });
}

function counter<Label extends string>(registry: Registry, name: ScrapedMetric, labelNames: Label[]): Counter<Label> {
  return new Counter({ name, help: scrapedMetrics[name].help, labelNames, registers: [registry] });
}

/** A histogram in the form in which prom-client passes metrics between processes: buckets are cumulative. */
function metricOf({ name, buckets, sum }: HistogramCounts): object {
  const { help, bounds } = histograms[name];
  let count = 0;
  const cumulative = buckets.map((values, index) => {
    count += values;
    return { metricName: `${name}_bucket`, labels: { le: bounds[index] ?? "+Inf" }, value: count };
  });
  const totals = [
    { metricName: `${name}_sum`, labels: {}, value: sum },
    { metricName: `${name}_count`, labels: {}, value: count },
  ];
  return { name, help, type: "histogram", aggregator: "sum", values: [...cumulative, ...totals] };
}
