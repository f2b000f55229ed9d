/**
 * When the next merge may begin, with how many threads and which nice value.
 *
 * Under a long load merges become ever larger, and take cores from flushes and requests. So while ingest is busy, a
 * merge gets one thread, and the next one waits until merges have had their share of the time. What they put off is
 * more segments for a query to open: with many of them the share grows until merges keep up.
 */
import type { Clock } from "../base/clock.ts";
import { backgroundNiceness, flushNiceness } from "../base/priority.ts";
import type { ShardHoldings } from "../keeper/protocol.ts";
import { mergeLimits } from "../store/segment/plan-merge.ts";

/** Ingest is busy if the serving process takes this share of the machine: 300 single events a second on two cores. */
const busyShareMin = 0.05;

/**
 * Share of the machine that merges get while ingest is busy and segments are few. Until its segment is full, an event
 * takes merges 5 to 8 us, so on two cores this is enough for 25,000 events a second.
 */
const mergeShareMin = 0.1;

/**
 * From `many` segments that are not full the share grows, and merges have the nice value of flushes; with `tooMany` it
 * is all. Merges without pauses leave up to 74 of them in a day of 10,000 events a second.
 */
const segmentsNotFull = { many: 64, tooMany: 192 };

/** Ingest's share is measured over a flush interval at least, so that it holds both bursts and pauses. ms */
const measureMsMin = 2_000;

/** How busy ingest is, as a share of the machine, and how many segments wait for merges. */
type Pressure = { ingestShare: number; segments: number };

/** The share of the machine that merges may take, from `mergeShareMin` to 1. */
export function mergeShare({ ingestShare, segments }: Pressure): number {
  if (ingestShare < busyShareMin) return 1;
  const { many, tooMany } = segmentsNotFull;
  const pressure = Math.min(1, Math.max(0, (segments - many) / (tooMany - many)));
  return mergeShareMin + (1 - mergeShareMin) * pressure;
}

/**
 * How many segments are not full. Those that are full are at most as many as all bytes and all events could fill, so
 * this many others there are at least.
 */
export function segmentsNotFullOf(holdings: readonly ShardHoldings[]): number {
  const { full } = mergeLimits;
  const others = holdings.map(({ segments, events, bytes }) => segments - events / full.events - bytes / full.bytes);
  return Math.ceil(others.reduce((sum, each) => sum + Math.max(0, each), 0));
}

/** A rewrite that has ended: when it began, by the monotonic clock, and its processor time. */
type Ended = { startedAtMs: number; processorMs: number };

/** When merges whose last one is this may begin again, by the monotonic clock, with this share of the machine. */
export const nextMergeAtMs = (
  { startedAtMs, processorMs }: Ended,
  { share, cores }: { share: number; cores: number },
) => startedAtMs + processorMs / (share * cores);

/** What the pace is measured with; `processorMs` is the processor time of the serving process so far. */
type PaceOptions = { clock: Pick<Clock, "monotonicMs">; processorMs: () => number; cores: number };

/** The pace of the merges of one service. */
export class MergePace {
  readonly #options: PaceOptions;
  #last: Ended = { startedAtMs: Number.NEGATIVE_INFINITY, processorMs: 0 };
  #measured: { atMs: number; processorMs: number };
  #ingestShare = 0;

  constructor(options: PaceOptions) {
    this.#options = options;
    this.#measured = { atMs: options.clock.monotonicMs(), processorMs: options.processorMs() };
  }

  /** Whether a merge may begin now, and what a rewrite may take of the processor. */
  now(holdings: readonly ShardHoldings[]): { isDue: boolean; threads: number; niceness: number } {
    const { clock, cores } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#measure(nowMs);
    const segments = segmentsNotFullOf(holdings);
    const share = mergeShare({ ingestShare: this.#ingestShare, segments });
    return {
      isDue: nowMs >= nextMergeAtMs(this.#last, { share, cores }),
      threads: Math.max(1, Math.floor(share * cores)),
      niceness: segments < segmentsNotFull.many ? backgroundNiceness : flushNiceness,
    };
  }

  /** A rewrite has ended, done or not. */
  ended(rewrite: Ended): void {
    this.#last = rewrite;
  }

  #measure(atMs: number): void {
    const { processorMs, cores } = this.#options;
    const passedMs = atMs - this.#measured.atMs;
    if (passedMs < measureMsMin) return;
    const next = { atMs, processorMs: processorMs() };
    this.#ingestShare = (next.processorMs - this.#measured.processorMs) / (passedMs * cores);
    this.#measured = next;
  }
}
