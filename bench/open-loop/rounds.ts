/** The rounds of a scenario, each on a service of its own. */
import type { Bench } from "../core/scenario.ts";
import { auditedTrial, type Form, type Trial } from "./trial.ts";

/** What the rounds found, and what is told beside it. */
export type Rounds<T> = { found: T[]; audits: string[]; warnings: string[] };

/**
 * Does `work` in as many rounds as asked for, counted from 0.
 * @throws AuditFailed a service stored something else than it acknowledged
 */
export async function inRounds<T>(
  bench: Bench,
  { name, rounds, form }: { name: string; rounds: number; form: Form },
  work: (trial: Trial, round: number) => Promise<T>,
): Promise<Rounds<T>> {
  const all: Rounds<T> = { found: [], audits: [], warnings: [] };
  for (let round = 0; round < rounds; round += 1) {
    bench.progress(`${name}: round ${round + 1} of ${rounds}`);
    const { found, audit, warnings } = await auditedTrial(bench, form, (trial) => work(trial, round));
    all.found.push(found);
    all.audits.push(audit);
    all.warnings.push(...warnings.map((warning) => `round ${round + 1}: ${warning}`));
  }
  return all;
}
