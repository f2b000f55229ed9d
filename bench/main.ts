/**
 * `bun run bench`: what Millrace does on this machine, compared with floors and peers. Exit codes: 0 measured, 1 a
 * scenario failed or its audit did, 130 interrupted. A missed goal is shown and is not a failure.
 */
import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { type Plan, readPlan } from "./arguments.ts";
import type { Run } from "./core/result.ts";
import { runScenarios } from "./core/runner.ts";
import type { Bench } from "./core/scenario.ts";
import { CannotCompare, compareRuns, type KeptRun, readKeptRun } from "./report/compare.ts";
import { reportHtml } from "./report/html.ts";
import { plotSvg } from "./report/svg.ts";
import { reportText } from "./report/text.ts";
import { scenariosByDefault, scenariosOnRequest } from "./scenarios/all.ts";
import { probeDisk } from "./system/disk-probe.ts";
import { describeMachine, readCommit, readVersions } from "./system/machine.ts";
import { processorTimes, stolenWarnings, watchBeforeStart } from "./system/neighbours.ts";

/** Runs a plan, from the first check of the machine to the last. */
async function run(plan: Plan, signal: AbortSignal): Promise<Run> {
  const startedAt = new Date().toISOString();
  const startedMs = performance.now();
  const folder = await mkdtemp(join(tmpdir(), "millrace-bench-"));
  await using ending = new AsyncDisposableStack();
  ending.defer(() => rm(folder, { recursive: true, force: true }));
  // Entered, not listed: a peer's server may run as a user of its own.
  await chmod(folder, 0o711);
  const machine = describeMachine(await Bun.file("/proc/mounts").text(), folder);
  const warnings = await watchBeforeStart(cpus().length);
  if (machine.fileSystem === "tmpfs") {
    warnings.unshift("The data lies in memory: nothing here is durable, and every figure flatters. Set TMPDIR.");
  }
  for (const warning of warnings) progress(warning);

  // Before the first scenario, because the code is read from here on.
  const commit = await readCommit();
  const timesBefore = processorTimes();
  const before = await probeDisk(folder, signal);
  const found = await runScenarios(plan.scenarios, benchOf(plan, { folder, signal }));
  const after = await probeDisk(folder, signal);
  const record = {
    startedAt,
    seconds: (performance.now() - startedMs) / 1_000,
    commit,
    machine,
    versions: await readVersions(),
    settings: settingsOf(plan),
    fdatasync: { before, after },
    warnings: [...warnings, ...stolenWarnings(timesBefore, processorTimes())],
  };
  return { format: 1, record, ...found };
}

function benchOf(plan: Plan, { folder, signal }: Pick<Bench, "folder" | "signal">): Bench {
  const { seed, ids, isQuick, rounds, seconds, events } = plan;
  let loads = 0;
  // The seed in front, so that two runs on one folder make different ids.
  const nextRunTag = () => (seed * 0x10000 + loads++).toString(16).padStart(12, "0").slice(-12);
  const warmUpSeconds = isQuick ? 1 : 2;
  return { folder, signal, seed, ids, isQuick, rounds, seconds, events, warmUpSeconds, progress, nextRunTag };
}

function settingsOf({ seed, ids, isQuick, rounds, seconds, events }: Plan): Run["record"]["settings"] {
  const asked = Object.entries({ rounds, seconds, events }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return { seed, ids, quick: isQuick, ...Object.fromEntries(asked) };
}

/**
 * Prints the run on standard output, then writes the requested files: a file that cannot be written loses no figures.
 */
async function report(plan: Plan, run: Run, kept: KeptRun | undefined): Promise<void> {
  const compared = kept && compareRuns(run, kept);
  console.log(reportText(run, compared));
  if (plan.jsonPath !== undefined) await write(plan.jsonPath, `${JSON.stringify(run, undefined, 2)}\n`);
  if (plan.htmlPath !== undefined) await write(plan.htmlPath, reportHtml(run, compared));
  if (plan.svgFolder === undefined) return;
  await mkdir(plan.svgFolder, { recursive: true });
  for (const { scenario, plots } of run.results) {
    for (const [nth, plot] of plots.entries()) {
      await write(join(plan.svgFolder, `${scenario}-${nth + 1}.svg`), `${plotSvg(plot)}\n`);
    }
  }
}

async function write(path: string, text: string): Promise<void> {
  await Bun.write(path, text);
  progress(`written: ${path}`);
}

/** To standard error, so that the report can be piped; without figures, which are worthless before the last audit. */
function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

const plan = readPlan(process.argv.slice(2), { byDefault: scenariosByDefault, onRequest: scenariosOnRequest });
const interruption = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.once(name, () => interruption.abort(new Error(`interrupted by ${name}`)));
}
try {
  // Before the first scenario, so that an unreadable file is found now and not an hour later.
  const kept = plan.comparePath === undefined ? undefined : await readKeptRun(plan.comparePath);
  const found = await run(plan, interruption.signal);
  await report(plan, found, kept);
  process.exitCode = found.failures.length > 0 ? 1 : 0;
} catch (error) {
  const isExpected = error instanceof CannotCompare || interruption.signal.aborted;
  progress(isExpected && error instanceof Error ? error.message : Bun.inspect(error));
  process.exitCode = interruption.signal.aborted ? 130 : 1;
}
