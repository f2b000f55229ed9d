/**
 * Every metric's name, help and buckets.
 *
 * What happens for each event is counted on the boards and read at the scrape. The histograms here are observed once
 * for each group or flush, so they cost nothing on the hot path. Shards count plain numbers: a Prometheus client would
 * add 20 ms to each thread's start, and only the scrape needs one.
 */

/** Histograms that a shard's thread counts, with the upper bounds of their buckets. */
export const histograms = {
  millrace_group_events: {
    help: "Events that became durable with one sync",
    bounds: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000],
  },
  millrace_group_bytes: {
    help: "Bytes that became durable with one sync",
    bounds: [256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304],
  },
  millrace_fsync_seconds: {
    help: "Time to write and sync one group to the journal",
    bounds: [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1],
  },
  millrace_flush_seconds: {
    help: "Time to seal one segment",
    bounds: [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30],
  },
  millrace_flush_events: {
    help: "Events of one sealed segment",
    bounds: [1, 10, 100, 1000, 10_000, 100_000, 1_000_000],
  },
} as const;

/** Name of a histogram. */
type HistogramName = keyof typeof histograms;

/**
 * A histogram as plain data: how many values are in each bucket and not in a lower one, with a last bucket without a
 * bound; and the sum of the values.
 */
export type HistogramCounts = { name: HistogramName; buckets: number[]; sum: number };

/** Counts values into buckets; a bucket includes its upper bound. */
class Histogram {
  readonly #name: HistogramName;
  readonly #bounds: readonly number[];
  readonly #buckets: number[];
  #sum = 0;

  constructor(name: HistogramName) {
    this.#name = name;
    this.#bounds = histograms[name].bounds;
    this.#buckets = Array.from({ length: this.#bounds.length + 1 }, () => 0);
  }

  /** Counts one value. */
  observe(value: number): void {
    let bucket = 0;
    while (value > (this.#bounds[bucket] ?? Number.POSITIVE_INFINITY)) bucket += 1;
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
    this.#sum += value;
  }

  /** The counts so far. */
  get counts(): HistogramCounts {
    return { name: this.#name, buckets: [...this.#buckets], sum: this.#sum };
  }
}

/** Histograms of one shard's thread. */
export type ShardMetrics = ReturnType<typeof openShardMetrics>;

/** Makes empty histograms for a shard's thread. */
export const openShardMetrics = () => ({
  groupEvents: new Histogram("millrace_group_events"),
  groupBytes: new Histogram("millrace_group_bytes"),
  commitSeconds: new Histogram("millrace_fsync_seconds"),
  flushSeconds: new Histogram("millrace_flush_seconds"),
  flushEvents: new Histogram("millrace_flush_events"),
});

/** Types of the metrics that are read from boards and the disk at each scrape. */
export const scrapedMetrics = {
  millrace_events_accepted_total: { type: "counter", help: "Events made durable" },
  millrace_duplicates_total: { type: "counter", help: "Events whose id had been accepted before" },
  millrace_conflicts_total: { type: "counter", help: "Duplicates whose content differed from what was accepted" },
  millrace_requests_refused_total: { type: "counter", help: "Requests not accepted, by reason" },
  millrace_schema_misfits_total: {
    type: "counter",
    help: "Events whose properties did not fit the schema of their name, by what was done",
  },
  millrace_queries_total: { type: "counter", help: "SQL queries, by outcome" },
  millrace_tail_readers: { type: "gauge", help: "Open streams of the live tail" },
  millrace_tail_missed_events_total: { type: "counter", help: "Events left out for slow readers of the live tail" },
  millrace_alerts_firing: { type: "gauge", help: "1 while an alert fires, 0 while it does not, by alert" },
  millrace_alerts_turns_total: { type: "counter", help: "Turns of alerts: measured, failed or skipped, by outcome" },
  millrace_alerts_messages_total: {
    type: "counter",
    help: "Tries to send a change of an alert to its webhook: sent or failed, by outcome",
  },
  millrace_backlog_events: { type: "gauge", help: "Events accepted and not yet sealed" },
  millrace_events_sealed_total: { type: "counter", help: "Events in sealed segments" },
  millrace_journal_bytes: { type: "gauge", help: "Bytes of the journal that wait to be sealed" },
  millrace_oldest_unsealed_seconds: { type: "gauge", help: "Age of the oldest event that is not yet sealed" },
  millrace_flush_failures_total: { type: "counter", help: "Flushes that failed and were tried again" },
  millrace_corrupt_journals: { type: "gauge", help: "Corrupt journal files in journal/corrupt" },
  millrace_lines_refused: { type: "gauge", help: "Journal lines in journal/refused that could not be sealed" },
  millrace_refused_events_total: { type: "counter", help: "Events of other vendors' SDKs kept in refused/" },
  millrace_refused_events_dropped_total: {
    type: "counter",
    help: "Refused events dropped because refused/ was full, the oldest first",
  },
  millrace_refused_bytes: { type: "gauge", help: "Bytes of the events in refused/" },
  millrace_segments: { type: "gauge", help: "Sealed segments that the catalog names, by shard and of all" },
  millrace_segment_rows: { type: "gauge", help: "Events that the catalog shows, by shard and of all" },
  millrace_segment_bytes: { type: "gauge", help: "Bytes of the segments that the catalog names, by shard and of all" },
  millrace_watermark_timestamp_seconds: {
    type: "gauge",
    help: "Every event accepted before this time is in the catalog, by shard and of all",
  },
  millrace_connections: { type: "gauge", help: "Open connections; NaN where they cannot be counted" },
  millrace_connections_max: { type: "gauge", help: "Most connections; past it new ones are closed" },
  millrace_connections_closed_total: { type: "counter", help: "Connections closed because there were too many" },
  millrace_keeper_restarts_total: { type: "counter", help: "Processes of the keeper replaced after they ended" },
  millrace_worker_restarts_total: { type: "counter", help: "Actor threads replaced after they died" },
  millrace_body_bytes: { type: "gauge", help: "Bytes of request bodies that are held, read or announced" },
  millrace_disk_free_bytes: { type: "gauge", help: "Free space on the disk of the data folder" },
  millrace_shards_ready: { type: "gauge", help: "Shards that accept events" },
} as const;

/** Name of a metric that is read at each scrape. */
export type ScrapedMetric = keyof typeof scrapedMetrics;
