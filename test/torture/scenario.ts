/** Types of a torture scenario: one kind of fault, repeated on a real service. */
import { type Random, randomFrom } from "../support/random.ts";

/** One round: a fault that the seed chooses, in a folder of its own. */
export interface Round {
  /** Repeats this round alone: `bun run torture NAME --seed SEED --rounds 1`. */
  readonly seed: number;
  readonly random: Random;
  /** A new folder for whatever the round writes; removed if no promise was broken. */
  readonly folder: string;
  /** Adds a line to the report that is printed if the round fails. */
  readonly note: (line: string) => void;
}

/** What a round found. */
export interface Outcome {
  /** Events acknowledged during the round. A scenario with hardly any proves nothing. */
  readonly acknowledged: number;
  /** Kills, cuts, requests or changed bytes of the round. Default: 1. */
  readonly faults?: number;
  /** Requests refused, each with a message, a status and headers that follow the contract. */
  readonly refused: number;
  /** From the end of the fault to a service that accepts and has sealed everything; 0 where it never stopped. ms */
  readonly recoveryMs: number;
  /** Every promise that was broken, in words. */
  readonly broken: readonly Broken[];
}

/** A promise that was broken. */
export interface Broken {
  readonly kind: "lost" | "twice" | "other";
  readonly what: string;
}

/** A kind of fault. */
export interface Scenario {
  readonly name: string;
  /** One line for `--help`. */
  readonly summary: string;
  /** Default number of rounds: a minute or two. */
  readonly rounds: number;
  /** Whether its rounds may run at the same time: what they find does not depend on pace. Default: they may not. */
  readonly mayRunBeside?: boolean;
  /** Why it cannot run on this machine; undefined if it can. */
  missing(): string | undefined;
  /**
   * Does one round.
   * @throws Error if the service ended, hung or answered in a way that no promise allows
   */
  run(round: Round): Promise<Outcome>;
}

/** The seed of a round. The first round has the given seed, so that a round can be repeated alone. */
export function seedOfRound(seed: number, round: number): number {
  if (round === 0) return seed;
  return randomFrom(seed + round).between({ from: 1, to: 2 ** 31 - 1 });
}
