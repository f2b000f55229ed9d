/**
 * What the tail of single events is made of: their latency at a fixed rate as the service is shipped, and with each
 * cause taken away. Only to measure: none of these is a way to run the service.
 */
import { type Common, type FigureRow, figuresOf } from "../core/figures.ts";
import { type Findings, type ScenarioRun, scenario } from "../core/scenario.ts";
import { atPercentile } from "../load/latency.ts";
import { compilerMissing } from "../load/native.ts";
import type { OpenLoopResult } from "../load/open-loop.ts";
import { writeBodies } from "../load/requests.ts";
import { acceptedOf, latencyFigures, percentileLine } from "../open-loop/figures.ts";
import { requests } from "../open-loop/rates.ts";
import { keptAwake } from "../system/awake.ts";
import { eachInTurn } from "../trial/rounds.ts";
import { auditedTrial } from "../trial/trial.ts";

/** The rate of who posts inline: half of the second core is idle. */
const perSecond = 5_000;

/** Long enough for the compiler; see bench/README.md, "Warm-up". s */
const warmUpSeconds = { own: 15, quick: 2 };

/** Longer than a run, so that nothing is sealed in it. s */
const never = "3600";

/** The service with one cause of waits less. */
type Variant = {
  without: string;
  env: Readonly<Record<string, string>>;
  /** Whether something runs on each core that gives way to all else, so that no core sleeps. */
  isAwake?: boolean;
};

const asShipped: Variant = { without: "nothing", env: {} };

const variants: readonly Variant[] = [
  asShipped,
  { without: "syncs", env: { MILLRACE_ACK: "buffered" } },
  { without: "DuckDB's bursts", env: { MILLRACE_FLUSH_INTERVAL_SECONDS: never } },
  { without: "collections", env: { BUN_JSC_useGC: "0" } },
  { without: "scavenger", env: { MIMALLOC_PURGE_DELAY: "-1" } },
  { without: "the last compiler", env: { BUN_JSC_useFTLJIT: "0" } },
  { without: "cores that sleep", env: {}, isAwake: true },
  {
    without: "all of these",
    env: {
      MILLRACE_ACK: "buffered",
      MILLRACE_FLUSH_INTERVAL_SECONDS: never,
      BUN_JSC_useGC: "0",
      MIMALLOC_PURGE_DELAY: "-1",
    },
    isAwake: true,
  },
];

/** Each cause taken away by itself, then all together. */
export const tailCauses = scenario({
  name: "tail-causes",
  summary: "latency of single events at 5,000 a second, with each cause of waits taken away in turn; only on request",
  seconds: { own: 10, quick: 3 },
  missing: () =>
    compilerMissing() ?? (Bun.which("chrt") === null ? "chrt is not installed (Debian: util-linux)" : undefined),
  measure,
});

/** One round: the same times for all of them. */
type Round = ReadonlyMap<Variant, OpenLoopResult>;

async function measure(run: ScenarioRun): Promise<Findings> {
  const bodiesPath = await writeBodies(requests, run);
  const { found: rounds, ...told } = await eachInTurn(run, variants, async (variant, round) => {
    run.progress(`  ${nameOf(variant)}`);
    await using _awake = variant.isAwake === true ? keptAwake() : undefined;
    const { warnings, ...one } = await auditedTrial(run, { requests, bodiesPath, env: variant.env }, (trial) => {
      const warmUp = run.isQuick ? warmUpSeconds.quick : warmUpSeconds.own;
      return trial.openLoop({ perSecond, seconds: run.seconds, warmUpSeconds: warmUp, seed: round + 1 });
    });
    return { ...one, warnings: warnings.map((warning) => `${nameOf(variant)}: ${warning}`) };
  });
  return {
    about:
      `An open loop of single events (Poisson arrivals, 256 connections) at ${perSecond.toLocaleString("en-US")} a second for ${run.seconds} s, ${run.rounds} rounds; ` +
      "in each every variant in turn, on a service of its own that is warm, with the same times. " +
      "No syncs: MILLRACE_ACK=buffered. No bursts: nothing is sealed in the time. No collections, no scavenger, no last compiler: by settings of the runtime. " +
      "No sleeping cores: on each runs a loop that gives way to everything else.",
    figures: variants.flatMap((variant) => figuresOfVariant(variant, rounds)),
    plots: [
      {
        kind: "percentiles",
        title: "Ingest latency, as shipped and with one cause less",
        lines: variants.map((variant) => percentileLine(nameOf(variant), acceptedOf(resultsOf(variant, rounds)))),
      },
    ],
    ...told,
  };
}

const nameOf = (variant: Variant) => (variant === asShipped ? "as shipped" : `without ${variant.without}`);

const resultsOf = (variant: Variant, rounds: readonly Round[]) => rounds.flatMap((round) => round.get(variant) ?? []);

function figuresOfVariant(variant: Variant, rounds: readonly Round[]) {
  const common: Common = {
    eventsPerRequest: 1,
    waitsFor: variant.env["MILLRACE_ACK"] === undefined ? "fsync" : "page cache",
  };
  const p99Of = (round: Round, which: Variant) => {
    const result = round.get(which);
    return result === undefined ? Number.NaN : atPercentile(result.accepts.fromIntended, 99);
  };
  const less: FigureRow<Round>[] =
    variant === asShipped
      ? []
      : [
          [
            `p99 ${nameOf(variant)}, of that as shipped`,
            "share",
            "neither",
            (round) => p99Of(round, variant) / p99Of(round, asShipped),
          ],
        ];
  return [
    ...figuresOf(common, rounds, less),
    ...latencyFigures(common, { of: nameOf(variant), rounds: acceptedOf(resultsOf(variant, rounds)) }),
  ];
}
