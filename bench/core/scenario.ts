/** What a scenario says of itself, and the engine that makes a scenario of it: extent, rounds, result. */
import type { ScenarioResult } from "./result.ts";

/** What all scenarios of a run have in common. */
export type Bench = {
  /** A folder of this run's own, on the disk that is measured. */
  folder: string;
  /** Ends everything. */
  signal: AbortSignal;
  /** The same seed makes the same events. */
  seed: number;
  /** Who makes the ids of the events. */
  ids: "server" | "client";
  /** A short look: one round, few seconds, small sizes. */
  isQuick: boolean;
  /** Asked for on the command line, instead of the scenario's own number. */
  rounds: number | undefined;
  seconds: number | undefined;
  /** How large a history is, for scenarios that make one. */
  events: number | undefined;
  warmUpSeconds: number;
  /** Tells what goes on, on standard error. */
  progress: (line: string) => void;
  /** A new tag for each load, 12 hexadecimal digits, so that no two make the same event id. */
  nextRunTag: () => string;
};

/** One kind of measurement. */
export type Scenario = {
  /** What it is called on the command line. */
  name: string;
  /** One line for `--help`. */
  summary: string;
  /**
   * Measures. Whoever loads the service ends with the audit.
   * @throws AuditFailed what is stored is not what was acknowledged; there are no figures then
   */
  run(bench: Bench): Promise<ScenarioResult>;
};

/** A scenario's own number, and the one of a quick look. */
export type Amount<T = number> = { own: T; quick: T };

/** A scenario as it is written down. The command line replaces rounds, seconds and events. */
export type Declaration = Pick<Scenario, "name" | "summary"> & {
  /**
   * Three where nothing is said: the least whose median leaves out one that a neighbour spoiled. One in a quick look.
   */
  rounds?: Amount;
  /** Of one load. */
  seconds?: Amount;
  /** How much is stored: one size, or several. */
  events?: Amount<number | readonly number[]>;
  measure(run: ScenarioRun): Promise<Findings>;
};

/** What a declaration is measured with: the bench, and how far to go. */
export type ScenarioRun = Bench & {
  /** Of the scenario. */
  name: string;
  rounds: number;
  /** Of one load; 0 where the scenario puts none on. */
  seconds: number;
  /** The first of `sizes`; 0 where nothing is stored beforehand. */
  events: number;
  sizes: readonly number[];
  /** Does `work` in each round, counted from 0; `what` says more in the progress. */
  eachRound<T>(work: (round: number) => Promise<T>, what?: string): Promise<T[]>;
};

/** What a scenario found. What is left out is empty. */
export type Findings = Pick<ScenarioResult, "about" | "figures"> & Partial<Omit<ScenarioResult, "scenario">>;

/** Makes a scenario of its declaration. */
export function scenario(declared: Declaration): Scenario {
  const { name, summary } = declared;
  return {
    name,
    summary,
    run: async (bench) => {
      const found = await declared.measure(runOf(declared, bench));
      return { scenario: name, goals: [], plots: [], warnings: [], audits: [], skipped: [], ...found };
    },
  };
}

const roundsUsual: Amount = { own: 3, quick: 1 };

function runOf({ name, rounds = roundsUsual, seconds, events }: Declaration, bench: Bench): ScenarioRun {
  const amount = <T>(own: Amount<T>): T => (bench.isQuick ? own.quick : own.own);
  const sizes = [bench.events ?? (events === undefined ? [] : amount(events))].flat();
  const due = bench.rounds ?? amount(rounds);
  return {
    ...bench,
    ...{ name, rounds: due, sizes, events: sizes[0] ?? 0 },
    seconds: bench.seconds ?? (seconds === undefined ? 0 : amount(seconds)),
    eachRound: async (work, what) => {
      const found = [];
      for (let round = 0; round < due; round += 1) {
        bench.signal.throwIfAborted();
        bench.progress(`${name}: round ${round + 1} of ${due}${what === undefined ? "" : `, ${what}`}`);
        found.push(await work(round));
      }
      return found;
    },
  };
}
