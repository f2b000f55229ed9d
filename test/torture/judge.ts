/** Checks what must be true once a fault is over. */
import { verifyFolder } from "../../src/offline/verify.ts";
import { dataFolder } from "../../src/store/folder/names.ts";
import type { Ledger } from "../support/ledger.ts";
import type { Service } from "../support/service.ts";
import { until } from "../support/until.ts";
import type { Broken } from "./scenario.ts";

/** Time for a start that replays a journal on a busy machine. ms */
const recoveryMsMax = 60_000;

/**
 * Waits until a service accepts again and has sealed everything; returns how long that took. ms
 * @throws Error when it takes a minute
 */
export async function recovered(service: Service): Promise<number> {
  const startMs = performance.now();
  let state = "";
  await until(
    async () => {
      const health = await service.health();
      state = await health.text();
      return health.status === 200;
    },
    { what: "health to be ok", limitMs: recoveryMsMax, state: () => state },
  );
  await service.waitSealed(recoveryMsMax);
  return performance.now() - startMs;
}

/**
 * Returns everything that is broken: events lost or stored twice, half batches, events that nobody sent, stats that
 * differ from the rows, findings of `verify`. Checks before and after the client retries what was not answered.
 * REQUIRES: the service runs, nothing is in flight.
 */
export async function judge(service: Service, ledger: Ledger): Promise<Broken[]> {
  await service.waitSealed(recoveryMsMax);
  const broken: Broken[] = await ledger.broken(service);
  if (broken.length === 0) {
    await ledger.retryAll(service);
    await service.waitSealed(recoveryMsMax);
    broken.push(...(await ledger.broken(service)));
  }
  broken.push(...(await verified(service.dataDir)), ...refusalsOutOfPlace(ledger));
  return broken;
}

/** What `verify` finds in a folder: in this process, because starting another one takes longer than the check. */
export async function verified(dataDir: string): Promise<Broken[]> {
  const { problems } = await verifyFolder(dataFolder(dataDir));
  return problems.map(({ file, text }) => ({ kind: "other", what: `verify: ${file} ${text}` }));
}

/** A well-formed request may be refused for being too much, and for nothing else. */
function refusalsOutOfPlace(ledger: Ledger): Broken[] {
  return [...ledger.refusals]
    .filter(([status]) => status !== 503)
    .map(([status, times]) => ({ kind: "other", what: `${times} well-formed requests were answered ${status}` }));
}

/** The number of refused requests. The ledger checks that each refusal has the contract's form. */
export const refusedIn = (ledger: Ledger): number =>
  [...ledger.refusals.values()].reduce((sum, times) => sum + times, 0);
