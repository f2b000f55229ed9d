/** The declaration of a scenario, and the engine that turns it into a scenario: extent, rounds, result. */
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
  /** A quick run: one round, few seconds, small sizes. */
  isQuick: boolean;
  /** Asked for on the command line, instead of the scenario's own number. */
  rounds: number | undefined;
  seconds: number | undefined;
  /** How large a history is, for scenarios that make one. */
  events: number | undefined;
  warmUpSeconds: number;
  /** Reports progress on standard error. */
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
   * Measures. A scenario that loads the service ends with the audit.
   * @throws AuditFailed what is stored is not what was acknowledged; there are no figures then
   */
  run(bench: Bench): Promise<ScenarioResult>;
};

/** A scenario's own number, and the one of a quick look. */
export type Amount<T = number> = { own: T; quick: T };

/** A scenario as it is written down. The command line replaces rounds, seconds and events. */
export type Declaration = Pick<Scenario, "name" | "summary"> & {
  /**
   * Default: three, the least number whose median leaves out one round that a neighbour spoiled. One in a quick run.
   */
  rounds?: Amount;
  /** Of one load. */
  seconds?: Amount;
  /** How much is stored: one size, or several. */
  events?: Amount<number | readonly number[]>;
  /** Why it cannot be measured on this machine; undefined if it can. Default: it can. It is then skipped by name. */
  missing?: () => string | undefined;
  measure(run: ScenarioRun): Promise<Findings>;
};

/** What a declaration is measured with: the bench and the extent. */
export type ScenarioRun = Bench & {
  /** Of the scenario. */
  name: string;
  rounds: number;
  /** Length of one load; 0 if the scenario has no load. */
  seconds: number;
  /** The first of `sizes`; 0 if nothing is stored beforehand. */
  events: number;
  sizes: readonly number[];
  /** Does `work` in each round, counted from 0; `what` says more in the progress. */
  eachRound<T>(work: (round: number) => Promise<T>, what?: string): Promise<T[]>;
};

/** The results of a scenario. Omitted fields are empty. */
export type Findings = Pick<ScenarioResult, "about" | "figures"> & Partial<Omit<ScenarioResult, "scenario">>;

/** Makes a scenario from its declaration. */
export function scenario(declared: Declaration): Scenario {
  const { name, summary } = declared;
  return {
    name,
    summary,
    run: async (bench) => {
      const reason = declared.missing?.();
      const found =
        reason === undefined
          ? await declared.measure(runOf(declared, bench))
          : { about: "Not measured on this machine.", figures: [], skipped: [{ side: name, reason }] };
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
