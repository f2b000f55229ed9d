/** Compares the id logs with the segments before the first shard starts, and restores ids that damage has removed. */
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { KeeperReplies, KeeperRequest } from "../../keeper/protocol.ts";
import { idsKeptMin } from "./id-table.ts";

/** A segment that crashes DuckDB is skipped by the next try. */
const triesMax = 3;

type RebuildRequest = Extract<KeeperRequest, { kind: "rebuild ids" }>;

/** The keeper, which compares them. */
type IdRebuilder = {
  start(): Promise<void>;
  ask(request: RebuildRequest): Promise<KeeperReplies["rebuild ids"]>;
};

/**
 * Starts the keeper and has the id logs repaired. If the repair fails, that is logged and the start goes on; health
 * reports the remaining damage.
 * @throws what the keeper's start throws
 */
export async function rebuildIdLogs(keeper: IdRebuilder, log: Log): Promise<void> {
  await keeper.start();
  for (let tries = 1; ; tries++)
    try {
      const { ids, mended } = await keeper.ask({ kind: "rebuild ids", idsMax: idsKeptMin });
      if (ids > 0) log.warn({ ids }, "ids that the id logs lacked were read again from the segments");
      if (mended.length > 0) log.warn({ files: mended }, "damaged id logs were written again without their damage");
      return;
    } catch (error) {
      if (tries < triesMax) continue;
      log.error({ error: messageOf(error) }, "id logs not compared with the segments: repeats may be stored twice");
      return;
    }
}
