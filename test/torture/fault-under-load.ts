/** The round of most scenarios: a service under load, a fault for a while, and the judgement once it is over. */
import { Ledger } from "../support/ledger.ts";
import { childrenOf } from "../support/process.ts";
import { Service, type ServiceOptions } from "../support/service.ts";
import { writeUntil } from "../support/writer.ts";
import { judge, recovered, refusedIn } from "./judge.ts";
import type { Broken, Outcome, Round } from "./scenario.ts";
import { beginUpkeep } from "./upkeep.ts";

/** A fault, from its beginning to its end. */
export interface Fault {
  /** Starts the fault; disposing of the result ends it. */
  begin(service: Service): Promise<AsyncDisposable>;
  /** How long it lasts, under load. ms */
  readonly lastsMs: number;
  /** Whether the fault may end the service, which is then started again. Default: it may not. */
  readonly mayEnd?: boolean;
  /** Whether it is over only when the service starts again. Default: it is over when it ends. */
  readonly isMendedByRestart?: boolean;
  /** Checks to run while it lasts. */
  watch?(service: Service, isOver: () => boolean): Promise<Broken[]>;
  readonly service?: ServiceOptions;
}

const writers = 6;

/** The load runs this long before the fault, so that journals, flushes and catalogs are under way. ms */
const warmUpMs = 150;

/** Runs a round with a fault. */
export async function faultUnderLoad(round: Round, fault: Fault): Promise<Outcome> {
  const { random, folder } = round;
  const ledger = new Ledger();
  await using service = new Service({
    dataDir: `${folder}/data`,
    ...fault.service,
    env: { MILLRACE_GRACE_SECONDS: "0.2", ...fault.service?.env },
  });
  await service.restart();
  let isOver = false;
  const open: string[] = [];
  const writing = Array.from({ length: writers }, () => writeUntil(service, { ledger, random, open }, () => isOver));
  await Bun.sleep(warmUpMs);
  const upkeep = await beginUpkeep(service, round);
  const broken: Broken[] = [];
  {
    await using _fault = await fault.begin(service);
    const watched = fault.watch?.(service, () => isOver);
    await Bun.sleep(fault.lastsMs);
    if (fault.mayEnd === true) isOver = true;
    if (watched !== undefined) {
      isOver = true;
      broken.push(...(await watched));
    }
  }
  isOver = true;
  const startMs = performance.now();
  await Promise.all(writing);
  const acknowledged = ledger.acknowledged.size;
  if (!service.isRunning && fault.mayEnd !== true)
    broken.push({ kind: "other", what: `the service ended: ${service.stderr.slice(-2_000)}` });
  await upkeep.ended();
  if (!service.isRunning || fault.isMendedByRestart === true) {
    if (service.isRunning) await service.kill9();
    await service.restart();
  }
  await recovered(service);
  const recoveryMs = performance.now() - startMs;
  broken.push(...(await upkeep.judge(service)), ...(await judge(service, ledger)));
  if ((await service.stop()) !== 0) broken.push({ kind: "other", what: "the stop afterwards did not end with 0" });
  return { acknowledged, refused: refusedIn(ledger), recoveryMs, broken };
}

/** The processes of a service: itself, and those that it started. */
export const processesOf = (service: Service): number[] => [service.pid, ...childrenOf(service.pid)];
