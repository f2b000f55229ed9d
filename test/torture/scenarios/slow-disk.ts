/** Disks whose syncs take long, and disks whose syncs do not return. */
import { faultyFromNow } from "../../support/faults.ts";
import { paths, type Service } from "../../support/service.ts";
import { type Fault, faultUnderLoad } from "../fault-under-load.ts";
import type { Broken, Round, Scenario } from "../scenario.ts";
import { toolMissing } from "../tools.ts";

/** A sync that takes long: `nth` of each thread, or all of them. */
interface Delay {
  readonly delayMs: number;
  readonly nth: number | undefined;
}

async function slowSync(service: Service, { delayMs, nth }: Delay): Promise<AsyncDisposable> {
  const injected = await faultyFromNow(service.pid, {
    calls: "sync",
    fault: { delaySeconds: delayMs / 1_000 },
    from: nth ?? 1,
    ...(nth === undefined ? {} : { to: nth }),
    logPath: "/dev/null",
  });
  if (injected === undefined) throw new Error("strace was refused");
  return injected;
}

/** The contract allows 5 s for a commit and 1 s for health; a busy machine with its tracer gets as much again. ms */
const answerMsMax = 10_000;
const healthMsMax = 3_000;

/** Repeatedly asks for health and posts events; a late answer breaks a promise. */
async function watchAnswers(service: Service, isOver: () => boolean): Promise<Broken[]> {
  const broken: Broken[] = [];
  const timed = async (what: string, limitMs: number, ask: () => Promise<Response>) => {
    while (!isOver() && service.isRunning) {
      const startMs = performance.now();
      const response = await ask();
      await response.arrayBuffer();
      const ms = performance.now() - startMs;
      if (ms > limitMs) broken.push({ kind: "other", what: `${what} was answered ${response.status} after ${ms} ms` });
      await Bun.sleep(100);
    }
  };
  await Promise.all([
    timed("health", healthMsMax, () => service.health()),
    timed("an event", answerMsMax, () => service.post(paths.track, { event_name: "beside" })),
  ]);
  return broken;
}

const faultOf = (round: Round, delay: Delay, lastsMs: number): Fault => {
  round.note(`${delay.nth === undefined ? "each sync" : `sync ${delay.nth} of each thread`} takes ${delay.delayMs} ms`);
  return { lastsMs, begin: (service) => slowSync(service, delay), watch: watchAnswers };
};

/** Every sync takes up to a second. */
export const slowDisk: Scenario = {
  name: "slow-disk",
  summary: "each sync takes 5 ms to 1 s",
  rounds: 6,
  missing: () => toolMissing("strace"),
  run: (round) => {
    const delayMs = round.random.between({ from: 5, to: 1_000 });
    return faultUnderLoad(round, faultOf(round, { delayMs, nth: undefined }, 4_000));
  },
};

/** A sync does not return for up to 12 s; every client still gets an answer. */
export const hungDisk: Scenario = {
  name: "hung-disk",
  summary: "a sync does not come back for 6 to 12 s",
  rounds: 3,
  missing: () => toolMissing("strace"),
  run: (round) => {
    const delayMs = round.random.between({ from: 6_000, to: 12_000 });
    const nth = round.random.between({ from: 1, to: 6 });
    return faultUnderLoad(round, faultOf(round, { delayMs, nth }, delayMs));
  },
};
