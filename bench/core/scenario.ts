/** What every scenario is given, and what it must be. */
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
  /** Asked for on the command line, in the place of the scenario's own number. */
  rounds: number | undefined;
  seconds: number | undefined;
  warmUpSeconds: number;
  /** Asked for on the command line: how many events a scenario stores, in the place of its own number. */
  events?: number | undefined;
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

/** Rounds and seconds of a scenario: as asked for, else few in a quick look, else its own. */
export function extentOf(
  bench: Bench,
  own: { rounds: number; seconds: number; secondsQuick: number },
): { rounds: number; seconds: number } {
  return {
    rounds: bench.rounds ?? (bench.isQuick ? 1 : own.rounds),
    seconds: bench.seconds ?? (bench.isQuick ? own.secondsQuick : own.seconds),
  };
}
