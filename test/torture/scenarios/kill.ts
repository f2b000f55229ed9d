/** SIGKILL of the whole service at a moment that the seed chooses: under load, in a start, in a recovery, beside upkeep. */
import { Ledger } from "../../support/ledger.ts";
import { Service } from "../../support/service.ts";
import { writeUntilGone } from "../../support/writer.ts";
import { judge, recovered, refusedIn } from "../judge.ts";
import type { Scenario } from "../scenario.ts";
import { beginUpkeep } from "../upkeep.ts";

/** More than shards and cores, so that groups hold several requests. */
const writers = 6;

/** One kill a round; every fourth start after it is killed, too. */
export const kill: Scenario = {
  name: "kill",
  summary: "kill -9 at any moment: load, start, recovery, compaction, erasure, import, snapshot",
  rounds: 25,
  missing: () => undefined,
  run: async ({ random, folder, note }) => {
    const ledger = new Ledger();
    await using service = new Service({ dataDir: `${folder}/data`, env: { MILLRACE_GRACE_SECONDS: "0.2" } });
    await service.restart();
    const open: string[] = [];
    const writing = Array.from({ length: writers }, () => writeUntilGone(service, { ledger, random, open }));
    const upkeep = await beginUpkeep(service, { random, folder, note });
    const afterMs = random.between({ from: 5, to: 700 });
    note(`killed ${afterMs} ms after the load began`);
    await Bun.sleep(afterMs);
    await service.kill9();
    await Promise.all(writing);
    await upkeep.ended();
    const acknowledged = ledger.acknowledged.size;
    for (let starts = 0; random.onceIn(4) && starts < 3; starts++) {
      const startMs = random.between({ from: 30, to: 600 });
      note(`a start was killed after ${startMs} ms`);
      await service.startAndKill({ afterMs: startMs });
    }
    const startMs = performance.now();
    await service.restart();
    await recovered(service);
    const recoveryMs = performance.now() - startMs;
    const broken = [...(await upkeep.judge(service)), ...(await judge(service, ledger))];
    if ((await service.stop()) !== 0) broken.push({ kind: "other", what: "the stop afterwards did not end with 0" });
    return { acknowledged, refused: refusedIn(ledger), recoveryMs, broken };
  },
};
