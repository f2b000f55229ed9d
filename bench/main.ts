/**
 * `bun run bench`: the service, durable, and the floor, each in turn under the same load on the same machine.
 * Exit codes: 0 measured, 1 something failed or the audit did, 130 interrupted. A missed target is shown, and no failure.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Plan, readPlan } from "./arguments.ts";
import { type Round, type ServiceRun, sidesInTurn, summarise } from "./core/method.ts";
import { batchBodies, singleBodies } from "./load/events.ts";
import { findWrk, type LoadResult, WrkMissing } from "./load/wrk.ts";
import { type Bench, measureFloor, measureService, type Target } from "./measure.ts";
import { describeMachine, type Machine, type Results, reportText, sqlReportText } from "./report.ts";
import type { Scenario } from "./scenarios.ts";
import { runSql, type SqlPlan, type SqlResults } from "./sql/run.ts";
import { AuditFailed } from "./system/audit.ts";

/** Enough that they do not all fit a processor's inner caches, few enough that making them takes no time. */
const singleBodiesCount = 1_000;
const batchBodiesCount = 50;

/** Runs a plan from its first body to its last count. */
async function run(plan: Plan, signal: AbortSignal): Promise<Results> {
  const wrkPath = findWrk();
  await using ending = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "millrace-bench-"));
  ending.defer(() => rm(folder, { recursive: true, force: true }));
  let loads = 0;
  const nextRunTag = () => (plan.seed * 0x10000 + loads++).toString(16).padStart(12, "0").slice(-12);
  const bench: Bench = { wrkPath, folder, warmUpSeconds: plan.warmUpSeconds, signal, nextRunTag };

  const targets: Target[] = [];
  for (const scenario of plan.scenarios) {
    targets.push({ scenario, bodiesPath: await writeBodies(plan, { scenario, folder }) });
  }
  const rounds = new Map<string, Round[]>(plan.scenarios.map(({ name }) => [name, []]));
  for (let round = 0; round < plan.rounds; round += 1) {
    for (const target of targets) {
      progress(`round ${round + 1} of ${plan.rounds}: ${target.scenario.name}, ${target.scenario.seconds} s each side`);
      rounds.get(target.scenario.name)?.push(await measureRound(bench, { target, round }));
    }
  }
  return {
    machine: describeMachine(await Bun.file("/proc/mounts").text(), folder),
    options: { seed: plan.seed, rounds: plan.rounds, ids: plan.ids, warmUpSeconds: plan.warmUpSeconds },
    summaries: plan.scenarios.map((scenario) => summarise(scenario, rounds.get(scenario.name) ?? [])),
    rounds: Object.fromEntries(rounds),
  };
}

async function measureRound(bench: Bench, { target, round }: { target: Target; round: number }): Promise<Round> {
  let floor: LoadResult | undefined;
  let service: ServiceRun | undefined;
  for (const side of sidesInTurn(round)) {
    if (side === "floor") floor = await measureFloor(bench, target);
    else service = await measureService(bench, target);
  }
  if (floor === undefined || service === undefined) throw new Error("a round measures both sides");
  return { floor, service };
}

async function writeBodies(plan: Plan, { scenario, folder }: { scenario: Scenario; folder: string }): Promise<string> {
  const options = { seed: plan.seed, nowMs: Date.now(), ids: plan.ids };
  const bodies =
    scenario.eventsPerRequest === 1
      ? singleBodies({ ...options, count: singleBodiesCount })
      : batchBodies({ ...options, count: batchBodiesCount });
  const path = join(folder, `${scenario.name}.ndjson`);
  await Bun.write(path, `${bodies.join("\n")}\n`);
  return path;
}

async function runSqlIn(sql: SqlPlan, signal: AbortSignal): Promise<{ machine: Machine; results: SqlResults }> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-bench-"));
  try {
    const results = await runSql(sql, { folder, signal, progress });
    return { machine: describeMachine(await Bun.file("/proc/mounts").text(), folder), results };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** To standard error, so that the report can be piped; without figures, which are worth nothing before the last audit. */
function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

const plan = readPlan(process.argv.slice(2));
const interruption = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.once(name, () => interruption.abort(new Error(`interrupted by ${name}`)));
}
try {
  const found: object[] = [];
  if (plan.sql !== undefined) {
    const { machine, results } = await runSqlIn(plan.sql, interruption.signal);
    console.log(sqlReportText(results, machine));
    found.push({ machine, sql: results });
  }
  if (plan.scenarios.length > 0) {
    const results = await run(plan, interruption.signal);
    console.log(reportText(results));
    found.push(results);
  }
  if (plan.jsonPath !== undefined)
    await Bun.write(plan.jsonPath, `${JSON.stringify(Object.assign({}, ...found), undefined, 2)}\n`);
} catch (error) {
  const expected = error instanceof WrkMissing || error instanceof AuditFailed || interruption.signal.aborted;
  progress(expected && error instanceof Error ? error.message : Bun.inspect(error));
  process.exitCode = interruption.signal.aborted ? 130 : 1;
}
