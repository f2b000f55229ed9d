/** Runs rounds of scenarios, and tells of each that broke a promise how to repeat it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomFrom } from "../support/random.ts";
import { addOutcome, emptyTally, type Tally } from "./report.ts";
import { type Outcome, type Scenario, seedOfRound } from "./scenario.ts";

/** How much of it. */
export interface RunOptions {
  readonly seed: number;
  /** Rounds of each scenario; undefined: as many as each has by itself. */
  readonly rounds: number | undefined;
  /** No round begins after this; undefined: no end. ms as `performance.now()` */
  readonly endMs: number | undefined;
  /** Gets each line as it comes. */
  readonly print: (line: string) => void;
}

/** A hung round is a finding. The slowest one takes a quarter of this. ms */
const roundMsMax = 180_000;

/** Runs one scenario. A round that throws counts as one broken promise. */
export async function runScenario(scenario: Scenario, options: RunOptions): Promise<Tally> {
  const missing = scenario.missing();
  if (missing !== undefined) {
    options.print(`${scenario.name}: skipped: ${missing}`);
    return emptyTally(scenario.name, missing);
  }
  const tally = emptyTally(scenario.name);
  const rounds = options.rounds ?? scenario.rounds;
  for (let round = 0; round < rounds; round++) {
    if (options.endMs !== undefined && performance.now() > options.endMs) break;
    addOutcome(tally, await runRound(scenario, seedOfRound(options.seed, round), options.print));
    if ((round + 1) % progressEvery === 0) options.print(`${scenario.name}: ${round + 1} of ${rounds} rounds`);
  }
  return tally;
}

const progressEvery = 25;

async function runRound(scenario: Scenario, seed: number, print: RunOptions["print"]): Promise<Outcome> {
  const notes: string[] = [];
  const folder = mkdtempSync(join(tmpdir(), `millrace-torture-${scenario.name}-`));
  const outcome = await outcomeOf(scenario, { seed, folder, notes });
  if (outcome.broken.length === 0) {
    rmSync(folder, { recursive: true, force: true });
    return outcome;
  }
  print(`${scenario.name}: BROKEN; repeat it with: bun run torture ${scenario.name} --seed ${seed} --rounds 1`);
  print(`  its folder is kept: ${folder}`);
  for (const note of notes) print(`  ${note}`);
  for (const { kind, what } of outcome.broken) print(`  ${kind}: ${what}`);
  return outcome;
}

async function outcomeOf(
  scenario: Scenario,
  { seed, folder, notes }: { seed: number; folder: string; notes: string[] },
): Promise<Outcome> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no end after ${roundMsMax / 1000} s`)), roundMsMax);
  try {
    const round = { seed, random: randomFrom(seed), folder, note: (line: string) => void notes.push(line) };
    return await Promise.race([scenario.run(round), late.promise]);
  } catch (error) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { acknowledged: 0, refused: 0, recoveryMs: 0, broken: [{ kind: "other", what }] };
  } finally {
    clearTimeout(timer);
  }
}
