/**
 * SIGKILL of the whole service at a moment that the seed chooses: under load, in a start, in a recovery, beside upkeep.
 */
import { Ledger } from "../../support/ledger.ts";
import { Service } from "../../support/service.ts";
import { writeUntilGone } from "../../support/writer.ts";
import { judge, recovered, refusedIn } from "../judge.ts";
import type { Scenario } from "../scenario.ts";
import { beginUpkeep, type UpkeepUnderWay } from "../upkeep.ts";

/** More than shards and cores, so that groups hold several requests. */
const writers = 6;

/** Ten kills a round, on one folder, so that a recovery also meets what earlier recoveries left. */
export const kill = killWith({ kills: 10 });

/** The scenario with this many kills a round; every fourth start after one is killed, too. */
export function killWith({ kills }: { kills: number }): Scenario {
  return {
    name: "kill",
    summary: `${kills} times kill -9 at any moment of a round: load, start, recovery, compaction, erasure, import, snapshot`,
    rounds: 5,
    mayRunBeside: true,
    missing: () => undefined,
    run: async ({ random, folder, note }) => {
      const ledger = new Ledger();
      await using service = new Service({ dataDir: `${folder}/data`, env: { MILLRACE_GRACE_SECONDS: "0.2" } });
      const open: string[] = [];
      const withUpkeep = random.between({ from: 1, to: kills });
      let upkeep: UpkeepUnderWay | undefined;
      let faults = 0;
      let recoveryMs = 0;
      const start = async () => {
        const startMs = performance.now();
        await service.restart();
        recoveryMs = Math.max(recoveryMs, performance.now() - startMs);
      };
      for (let kill = 1; kill <= kills; kill++) {
        await start();
        const writing = Array.from({ length: writers }, () => writeUntilGone(service, { ledger, random, open }));
        if (kill === withUpkeep) upkeep = await beginUpkeep(service, { random, folder, note });
        const afterMs = random.between({ from: 5, to: 700 });
        note(`kill ${kill}: ${afterMs} ms after the load began`);
        await Bun.sleep(afterMs);
        await service.kill9();
        faults += 1;
        await Promise.all(writing);
        if (kill === withUpkeep) await upkeep?.ended();
        for (let starts = 0; random.onceIn(4) && starts < 3; starts++) {
          const startMs = random.between({ from: 30, to: 600 });
          note(`a start was killed after ${startMs} ms`);
          await service.startAndKill({ afterMs: startMs });
          faults += 1;
        }
      }
      const acknowledged = ledger.acknowledged.size;
      const startMs = performance.now();
      await service.restart();
      await recovered(service);
      recoveryMs = Math.max(recoveryMs, performance.now() - startMs);
      const broken = [...((await upkeep?.judge(service)) ?? []), ...(await judge(service, ledger))];
      if ((await service.stop()) !== 0) broken.push({ kind: "other", what: "the stop afterwards did not end with 0" });
      return { acknowledged, faults, refused: refusedIn(ledger), recoveryMs, broken };
    },
  };
}
