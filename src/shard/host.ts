/** The shards' actors, as the main thread starts them. */
import { ActorHost } from "../actor/host.ts";
import { shardId } from "../base/brand.ts";
import type { Log } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import { Board } from "./board.ts";
import { IdTable } from "./ids/id-table.ts";
import type { ShardHost } from "./lanes/all-shards.ts";
import type { ShardNotice, ShardOptions, ShardReplies, ShardRequest } from "./protocol.ts";

/** What all shards are made of, and whom they tell. */
type ShardsGiven = Pick<ShardOptions, "folder" | "descriptors" | "idTable" | "boards"> & {
  config: Pick<Config, "shards" | "ack" | "flushIntervalMs" | "bufferEventsMax" | "bodyBytesMax" | "logLevel">;
  log: Log;
  /** A shard has sealed a segment. */
  onSealed: () => void;
  /** Finds the keeper's reply to a question of a shard. */
  askKeeper: (request: unknown) => Promise<unknown>;
};

/** Makes the actor of each shard; `start` has it recover. */
export function shardHosts({ config, log, onSealed, askKeeper, ...shared }: ShardsGiven): ShardHost[] {
  return shared.boards.map((memory, index) => {
    const options: ShardOptions = {
      ...shared,
      shard: shardId(index),
      shards: config.shards,
      ack: config.ack,
      flushIntervalMs: config.flushIntervalMs,
      bufferEventsMax: config.bufferEventsMax,
      bodyBytesMax: config.bodyBytesMax,
      logLevel: config.logLevel,
    };
    return new ActorHost<ShardRequest, ShardReplies, ShardNotice>({
      name: `shard ${index}`,
      entry: new URL("./actor.ts", import.meta.url),
      options,
      log,
      onNotice: onSealed,
      onQuestion: askKeeper,
      onDied: () => {
        new IdTable(shared.idTable, index).unlockAfterDeath();
        new Board(memory).closeAfterDeath();
      },
    });
  });
}
