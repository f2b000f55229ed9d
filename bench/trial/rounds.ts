/** The rounds of a scenario, each with a trial of its own. */
import { inTurn } from "../core/method.ts";
import type { ScenarioRun } from "../core/scenario.ts";
import { auditedTrial, type Trial, type TrialWish } from "./trial.ts";

/** The results of the rounds, with their warnings and audit lines. */
export type Rounds<T> = { found: T[]; audits: string[]; warnings: string[] };

/**
 * Does `work` on a service of its own in each round, counted from 0.
 * @throws AuditFailed a service stored something else than it acknowledged
 */
export async function inTrials<T>(
  run: ScenarioRun,
  wish: TrialWish,
  work: (trial: Trial, round: number) => Promise<T>,
): Promise<Rounds<T>> {
  const told: Omit<Rounds<T>, "found"> = { audits: [], warnings: [] };
  const found = await run.eachRound(async (round) => {
    const { found: one, audit, warnings } = await auditedTrial(run, wish, (trial) => work(trial, round));
    told.audits.push(audit);
    told.warnings.push(...warnings.map((warning) => `round ${round + 1}: ${warning}`));
    return one;
  });
  return { found, ...told };
}

/**
 * Does `one` for each case in each round, counted from 0, in an order that changes from round to round. Returns what it
 * found, by case.
 * @throws AuditFailed a service stored something else than it acknowledged
 */
export async function eachInTurn<Case, T>(
  run: ScenarioRun,
  cases: readonly Case[],
  one: (each: Case, round: number) => Promise<{ found: T; audit: string; warnings: readonly string[] }>,
): Promise<Rounds<ReadonlyMap<Case, T>>> {
  const audits: string[] = [];
  const warnings = new Set<string>();
  const found = await run.eachRound(async (round) => {
    const ofRound = new Map<Case, T>();
    for (const each of inTurn(cases, round)) {
      const done = await one(each, round);
      ofRound.set(each, done.found);
      audits.push(done.audit);
      for (const warning of done.warnings) warnings.add(warning);
    }
    return ofRound;
  });
  return { found, audits, warnings: [...warnings] };
}
