/** SIGKILL at a named step: at the start of a critical call, which a random kill hardly ever hits. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { millrace } from "../../support/command.ts";
import { faultyCalls, faultyFromNow } from "../../support/faults.ts";
import { sealLaid } from "../../support/journals.ts";
import { Ledger } from "../../support/ledger.ts";
import { entryPath, spawn } from "../../support/process.ts";
import { Service } from "../../support/service.ts";
import { patience, until } from "../../support/until.ts";
import { writeUntil } from "../../support/writer.ts";
import { judge, recovered, refusedIn, verified } from "../judge.ts";
import type { Broken, Outcome, Round, Scenario } from "../scenario.ts";
import {
  type CommandStep,
  commandSteps,
  type RetentionStep,
  retentionSteps,
  type ServiceStep,
  serviceSteps,
} from "../steps.ts";
import { toolMissing } from "../tools.ts";
import { beginJob, restoredAgain } from "../upkeep.ts";

const writers = 4;

/** Some segments exist by then. ms */
const warmUpMs = 900;

/** A step not reached within this time is not reached in this round. ms */
const stepMsMax = 3_000 * patience;

const allSteps: readonly (ServiceStep | CommandStep | RetentionStep)[] = [
  ...serviceSteps,
  ...commandSteps,
  ...retentionSteps,
];

/** One kill a round. */
export const killAtStep: Scenario = {
  name: "kill-at-step",
  summary: `kill -9 at one of ${allSteps.length} named steps of journal, flush, catalog, compaction, retention, erasure, import, snapshot, restore`,
  rounds: 12,
  mayRunBeside: true,
  missing: () => toolMissing("strace"),
  run: async (round) => {
    const step = allSteps[round.random.between({ from: 0, to: allSteps.length - 1 })];
    if (step === undefined) throw new Error("there are steps");
    const nth = round.random.between({ from: 1, to: step.nthMax });
    round.note(`step: ${step.what}, call ${nth} of a thread`);
    if ("job" in step) return await killService(round, step, nth);
    return step.command === "retention" ? await killRetention(round, step, nth) : await killCommand(round, step, nth);
  },
};

/** Whether the tracer has killed a process. */
const isKilled = (logPath: string) =>
  existsSync(logPath) && readFileSync(logPath, "latin1").includes("killed by SIGKILL");

async function killService(round: Round, step: ServiceStep, nth: number): Promise<Outcome> {
  const { random, folder } = round;
  const flushSeconds = String(step.flushSeconds ?? 0.2);
  const env = { MILLRACE_GRACE_SECONDS: "0.2", MILLRACE_FLUSH_INTERVAL_SECONDS: flushSeconds };
  await using service = new Service({ dataDir: `${folder}/data`, env });
  await service.restart();
  const ledger = new Ledger();
  const open: string[] = [];
  let isOver = false;
  const writing = Array.from({ length: writers }, () => writeUntil(service, { ledger, random, open }, () => isOver));
  await Bun.sleep(warmUpMs);
  const logPath = `${folder}/calls`;
  const path = step.path === "open journal" ? openJournal(service.dataDir) : step.path;
  const injected = await faultyFromNow(service.pid, {
    calls: step.calls,
    fault: "kill",
    from: nth,
    to: nth,
    logPath,
    ...(path === undefined ? {} : { path: join(service.dataDir, path) }),
  });
  if (injected === undefined) throw new Error("strace was refused");
  const job = await beginJob(service, step.job, round);
  const endMs = performance.now() + stepMsMax;
  while (service.isRunning && !isKilled(logPath) && performance.now() < endMs) await Bun.sleep(10);
  const isHit = isKilled(logPath) || !service.isRunning;
  if (service.isRunning) await service.kill9();
  isOver = true;
  await injected[Symbol.asyncDispose]();
  await Promise.all(writing);
  await job.ended();
  const acknowledged = ledger.acknowledged.size;
  const startMs = performance.now();
  await service.restart();
  await recovered(service);
  const recoveryMs = performance.now() - startMs;
  const broken = [...(await job.judge(service)), ...(await judge(service, ledger))];
  if ((await service.stop()) !== 0) broken.push({ kind: "other", what: "the stop afterwards did not end with 0" });
  return { acknowledged, faults: isHit ? 1 : 0, refused: refusedIn(ledger), recoveryMs, broken };
}

/** A journal file that takes appends, below the data folder. */
function openJournal(dataDir: string): string {
  const file = readdirSync(join(dataDir, "journal"))
    .filter((name) => name.endsWith(".ndjson"))
    .sort()
    .at(-1);
  return join("journal", file ?? "");
}

/** A killed command has done nothing or everything, and can be run again. */
async function killCommand(round: Round, step: CommandStep, nth: number): Promise<Outcome> {
  const { folder, random } = round;
  const [dataDir, taken, restored] = [`${folder}/data`, `${folder}/taken`, `${folder}/restored`];
  await using service = new Service({ dataDir });
  await service.restart();
  let acknowledged = 0;
  for (let segment = 0; segment < 3; segment++) {
    const events = random.between({ from: 1, to: 50 });
    await service.batch(Array.from({ length: events }, () => ({ event_name: "kept" })));
    acknowledged += events;
    await service.waitSealed();
  }
  const isRestore = step.command === "restore";
  const snapshot = async () => {
    const { code, stderr } = await millrace(["snapshot", taken], { env: { MILLRACE_DATA_DIR: dataDir } });
    if (code !== 0) throw new Error(`snapshot: ${stderr}`);
  };
  if (isRestore) await snapshot();
  const logPath = `${folder}/calls`;
  const wrapper = faultyCalls({ calls: step.calls, fault: "kill", from: nth, to: nth, logPath });
  if (wrapper === undefined) throw new Error("strace was refused");
  const { child } = spawn([...wrapper, process.execPath, entryPath, step.command, taken], {
    env: { MILLRACE_DATA_DIR: isRestore ? restored : dataDir },
  });
  await child.exited;
  // The tracer writes that only after its process has ended.
  if (child.signalCode === "SIGKILL")
    await until(() => isKilled(logPath), { what: "the tracer's log", limitMs: 5_000 });
  const broken: Broken[] = [];
  if (!isRestore && !existsSync(taken)) await snapshot();
  broken.push(...(await restoredAgain(taken, restored)), ...(await verified(dataDir)));
  const stored = await service.count();
  if (stored !== acknowledged)
    broken.push({ kind: "lost", what: `${acknowledged - stored} of ${acknowledged} events` });
  return { acknowledged, faults: isKilled(logPath) ? 1 : 0, refused: 0, recoveryMs: 0, broken };
}

const day = 86_400_000;

/** Retention removes all expired events and nothing else. */
async function killRetention({ folder }: Round, { calls }: RetentionStep, nth: number): Promise<Outcome> {
  const env: Record<string, string> = { MILLRACE_GRACE_SECONDS: "0.2" };
  await using service = new Service({ dataDir: `${folder}/data`, env });
  await service.restart();
  const old = Array.from({ length: 10 }, () => ({ receivedMs: Date.now() - 10 * day, event: { event_name: "old" } }));
  // A day ahead, with a retention time of seconds, because nothing expires before the clocks have agreed for that long.
  const young = Array.from({ length: 10 }, () => ({ receivedMs: Date.now() + day, event: { event_name: "young" } }));
  await sealLaid(service, [
    [{ from: 1 }, old],
    [{ from: 11 }, [...old, ...young]],
    [{ shard: 1, from: 1 }, young],
  ]);
  await service.stop();
  const logPath = `${folder}/calls`;
  const wrapper = faultyCalls({ calls, fault: "kill", from: nth, to: nth, logPath });
  if (wrapper === undefined) throw new Error("strace was refused");
  env["MILLRACE_RETENTION_DAYS"] = String(1 / 86_400);
  // Rejects if the step is part of the start.
  await service.restart({ wrapper }).catch(() => undefined);
  const endMs = performance.now() + stepMsMax;
  while (service.isRunning && !isKilled(logPath) && performance.now() < endMs) await Bun.sleep(10);
  const isHit = isKilled(logPath) || !service.isRunning;
  if (service.isRunning) await service.kill9();
  const startMs = performance.now();
  await service.restart();
  await until(async () => (await service.stats()).total_events <= 20, { what: "what expired to go", limitMs: 15_000 });
  await recovered(service);
  const recoveryMs = performance.now() - startMs;
  const [kept, stored] = [await service.count("event_name = 'young'"), await service.count()];
  const broken: Broken[] = await verified(service.dataDir);
  if (kept < 20) broken.push({ kind: "lost", what: `${20 - kept} events that had not expired` });
  if (stored > 20) broken.push({ kind: "other", what: `${stored - 20} events that had expired` });
  return { acknowledged: 50, faults: isHit ? 1 : 0, refused: 0, recoveryMs, broken };
}
