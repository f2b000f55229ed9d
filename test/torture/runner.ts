/** Runs rounds of scenarios, and reports how to repeat each round that broke a promise. */
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { randomFrom } from "../support/random.ts";
import { releaseUnder } from "./leftovers.ts";
import { addOutcome, emptyTally, type Tally } from "./report.ts";
import { type Outcome, type Scenario, seedOfRound } from "./scenario.ts";

/** How many rounds to run, and where. */
export interface RunOptions {
  readonly seed: number;
  /** Rounds of the scenario; undefined: the scenario's default. */
  readonly rounds: number | undefined;
  /** Rounds at the same time, where the scenario allows it. Default: 1. */
  readonly jobs?: number;
  /** No round begins after this; undefined: no end. ms as `performance.now()` */
  readonly endMs: number | undefined;
  /**
   * Ends the run and drops the running rounds. The caller must end what they started with `endDescendants` and
   * `releaseUnder`.
   */
  readonly signal?: AbortSignal;
  /**
   * A folder for this run alone; each round gets a new folder in it. Folders of rounds that broke a promise are kept
   * beside it.
   */
  readonly folder: string;
  /** Receives each line of output. */
  readonly print: (line: string) => void;
}

/** A round that takes longer has hung, which is a finding. The slowest takes a quarter of this. ms */
const roundMsMax = 240_000;

/** Runs one scenario. A round that throws counts as one broken promise. */
export async function runScenario(scenario: Scenario, options: RunOptions): Promise<Tally> {
  const missing = scenario.missing();
  if (missing !== undefined) {
    options.print(`${scenario.name}: skipped: ${missing}`);
    return emptyTally(scenario.name, missing);
  }
  const tally = emptyTally(scenario.name);
  const rounds = options.rounds ?? scenario.rounds;
  let next = 0;
  const isOver = () =>
    options.signal?.aborted === true || (options.endMs !== undefined && performance.now() > options.endMs);
  const work = async () => {
    while (next < rounds && !isOver()) {
      const outcome = await runRound(scenario, { seed: seedOfRound(options.seed, next++), options });
      if (outcome === undefined) return;
      addOutcome(tally, outcome);
      if (tally.rounds % progressEvery === 0) options.print(`${scenario.name}: ${tally.rounds} of ${rounds} rounds`);
    }
  };
  const jobs = scenario.mayRunBeside === true ? (options.jobs ?? 1) : 1;
  await Promise.all(Array.from({ length: jobs }, work));
  return tally;
}

const progressEvery = 25;

/** Returns what a round found; undefined if it was dropped. */
async function runRound(
  scenario: Scenario,
  { seed, options }: { seed: number; options: RunOptions },
): Promise<Outcome | undefined> {
  const { print } = options;
  const notes: string[] = [];
  const folder = join(options.folder, `${scenario.name}-${seed}`);
  mkdirSync(folder);
  const outcome = await outcomeOf(scenario, { seed, folder, notes, signal: options.signal });
  if (outcome === undefined) return undefined;
  if (outcome.broken.length === 0) {
    rmSync(folder, { recursive: true, force: true });
    return outcome;
  }
  // A round that hung may still hold a mount.
  releaseUnder(folder);
  const kept = join(dirname(options.folder), `millrace-torture-broken-${scenario.name}-${seed}-${process.pid}`);
  renameSync(folder, kept);
  print(`${scenario.name}: BROKEN; repeat it with: bun run torture ${scenario.name} --seed ${seed} --rounds 1`);
  print(`  its folder is kept: ${kept}`);
  for (const note of notes) print(`  ${note}`);
  for (const { kind, what } of outcome.broken) print(`  ${kind}: ${what}`);
  return outcome;
}

async function outcomeOf(
  scenario: Scenario,
  round: { seed: number; folder: string; notes: string[]; signal: AbortSignal | undefined },
): Promise<Outcome | undefined> {
  const { seed, folder, notes, signal } = round;
  const late = Promise.withResolvers<never>();
  const dropped = Promise.withResolvers<undefined>();
  const drop = () => dropped.resolve(undefined);
  signal?.addEventListener("abort", drop);
  const timer = setTimeout(() => late.reject(new Error(`no end after ${roundMsMax / 1000} s`)), roundMsMax);
  try {
    const given = { seed, random: randomFrom(seed), folder, note: (line: string) => void notes.push(line) };
    return await Promise.race([scenario.run(given), late.promise, dropped.promise]);
  } catch (error) {
    if (signal?.aborted === true) return undefined;
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { acknowledged: 0, refused: 0, recoveryMs: 0, broken: [{ kind: "other", what }] };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", drop);
  }
}
