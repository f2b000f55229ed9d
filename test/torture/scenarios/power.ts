/** The power goes under load: a real ext4 on a disk that loses, tears and reorders what was not flushed. */
import { Ledger } from "../../support/ledger.ts";
import { Service } from "../../support/service.ts";
import { writeUntil } from "../../support/writer.ts";
import { judge, recovered, refusedIn } from "../judge.ts";
import { PoweredDisk, powerTools } from "../power/machine.ts";
import type { Scenario } from "../scenario.ts";
import { toolMissing } from "../tools.ts";

const writers = 4;

/** One cut a round. */
export const power = powerWith({});

/** The scenario over a service with other settings than it is shipped with: one that does not sync must be caught. */
export function powerWith(env: Readonly<Record<string, string>>): Scenario {
  return {
    name: "power",
    summary: "power cut under load: unflushed writes are lost, torn and reordered, on a real ext4",
    rounds: 10,
    missing: () =>
      process.getuid?.() === 0
        ? powerTools.map(toolMissing).find((why) => why !== undefined)
        : "only root may mount a disk",
    run: async ({ random, seed, folder, note }) => {
      await using disk = await PoweredDisk.open(folder);
      const ledger = new Ledger();
      await using service = new Service({ dataDir: `${disk.path}/data`, env });
      await service.restart();
      let isOver = false;
      const open: string[] = [];
      const writing = Array.from({ length: writers }, () =>
        writeUntil(service, { ledger, random, open }, () => isOver),
      );
      const afterMs = random.between({ from: 5, to: 900 });
      note(`the power went ${afterMs} ms after the load began`);
      await Bun.sleep(afterMs);
      await disk.cut(seed);
      isOver = true;
      await service.kill9();
      await Promise.all(writing);
      const acknowledged = ledger.acknowledged.size;
      await disk.restore();
      const startMs = performance.now();
      await service.restart();
      await recovered(service);
      const recoveryMs = performance.now() - startMs;
      const broken = await judge(service, ledger);
      if ((await service.stop()) !== 0) broken.push({ kind: "other", what: "the stop afterwards did not end with 0" });
      return { acknowledged, refused: refusedIn(ledger), recoveryMs, broken };
    },
  };
}
