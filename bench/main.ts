/**
 * `bun run bench`: the service, durable, and the floor, each in turn under the same load on the same machine.
 * Exit codes: 0 measured, 1 something failed or the audit did, 130 interrupted. A missed target is shown, and no failure.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Plan, readPlan } from "./arguments.ts";
import type { ScenarioResult } from "./core/result.ts";
import { WrkMissing } from "./load/wrk.ts";
import { describeMachine, type Machine, sqlReportText } from "./report.ts";
import { runSql, type SqlPlan, type SqlResults } from "./sql/run.ts";
import { AuditFailed } from "./system/audit.ts";

/** Runs a plan's scenarios one after the other. */
async function run(plan: Plan, signal: AbortSignal): Promise<ScenarioResult[]> {
  await using ending = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "millrace-bench-"));
  ending.defer(() => rm(folder, { recursive: true, force: true }));
  let loads = 0;
  const nextRunTag = () => (plan.seed * 0x10000 + loads++).toString(16).padStart(12, "0").slice(-12);
  const results: ScenarioResult[] = [];
  for (const scenario of plan.scenarios)
    results.push(await scenario.run({ ...plan, folder, signal, progress, nextRunTag }));
  return results;
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
    console.log(JSON.stringify(results, undefined, 2));
    found.push({ results });
  }
  if (plan.jsonPath !== undefined)
    await Bun.write(plan.jsonPath, `${JSON.stringify(Object.assign({}, ...found), undefined, 2)}\n`);
} catch (error) {
  const expected = error instanceof WrkMissing || error instanceof AuditFailed || interruption.signal.aborted;
  progress(expected && error instanceof Error ? error.message : Bun.inspect(error));
  process.exitCode = interruption.signal.aborted ? 130 : 1;
}
