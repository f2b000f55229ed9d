/** Power cuts under load: a real ext4 on a disk that loses, tears and reorders unflushed writes. */
import { rmSync } from "node:fs";
import { Ledger } from "../../support/ledger.ts";
import { Service } from "../../support/service.ts";
import { writeUntil } from "../../support/writer.ts";
import { copyFolder } from "../copy-folder.ts";
import { judge, recovered, refusedIn } from "../judge.ts";
import { PoweredDisk, powerTools } from "../power/machine.ts";
import type { Scenario } from "../scenario.ts";
import { toolMissing } from "../tools.ts";

const writers = 4;

/** The scenario with a service as it is shipped. */
export const power = powerWith({ cuts: 5 });

/**
 * The scenario with this many cuts a round, on one disk, so that a recovery also meets what earlier cuts left. Other
 * settings of the service can be given: one that does not sync must be caught.
 */
export function powerWith({ cuts, env = {} }: { cuts: number; env?: Readonly<Record<string, string>> }): Scenario {
  return {
    name: "power",
    summary: `${cuts} power cuts a round under load: unflushed writes are lost, torn and reordered, on a real ext4`,
    rounds: 4,
    mayRunBeside: true,
    missing: () =>
      process.getuid?.() === 0
        ? powerTools.map(toolMissing).find((why) => why !== undefined)
        : "only root may mount a disk",
    run: async ({ random, seed, folder, note }) => {
      await using disk = await PoweredDisk.open(folder);
      const ledger = new Ledger();
      await using service = new Service({ dataDir: `${disk.path}/data`, env });
      const open: string[] = [];
      let recoveryMs = 0;
      for (let cut = 0; cut < cuts; cut++) {
        const startMs = performance.now();
        await service.restart();
        if (cut > 0) recoveryMs = Math.max(recoveryMs, performance.now() - startMs);
        let isOver = false;
        const writing = Array.from({ length: writers }, () =>
          writeUntil(service, { ledger, random, open }, () => isOver),
        );
        const afterMs = random.between({ from: 5, to: 900 });
        note(`cut ${cut}: the power went ${afterMs} ms after the load began`);
        await Bun.sleep(afterMs);
        await disk.cut(seed + cut);
        isOver = true;
        await service.kill9();
        await Promise.all(writing);
        await disk.restore();
        // Kept as the cut left it, in case it breaks a promise.
        rmSync(`${folder}/cut`, { recursive: true, force: true });
        copyFolder(service.dataDir, `${folder}/cut`);
      }
      const acknowledged = ledger.acknowledged.size;
      const startMs = performance.now();
      await service.restart();
      await recovered(service);
      recoveryMs = Math.max(recoveryMs, performance.now() - startMs);
      const broken = await judge(service, ledger);
      if ((await service.stop()) !== 0) broken.push({ kind: "other", what: "the stop afterwards did not end with 0" });
      if (broken.length > 0) copyFolder(service.dataDir, `${folder}/after`);
      return { acknowledged, faults: cuts, refused: refusedIn(ledger), recoveryMs, broken };
    },
  };
}
