/** The shards' actors, as the main thread starts them. */
import { ActorHost } from "../actor/host.ts";
import type { Handlers } from "../actor/serve.ts";
import { shardId } from "../base/brand.ts";
import type { Log } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import type { KeeperHost } from "../keeper/host.ts";
import { Board } from "./board.ts";
import { IdTable } from "./ids/id-table.ts";
import type { ShardHost } from "./lanes/all-shards.ts";
import type { ParserThread } from "./parser/thread.ts";
import type { ShardAnswers, ShardOptions, ShardQuestion, ShardReplies, ShardRequest } from "./protocol.ts";

/** What all shards need, and their callback. */
type ShardsGiven = Pick<ShardOptions, "folder" | "descriptors" | "schemas" | "idTable" | "boards"> & {
  config: Pick<Config, "shards" | "ack" | "flushIntervalMs" | "bufferEventsMax" | "bodyBytesMax" | "logLevel">;
  log: Log;
  /** A shard has sealed a segment. */
  onSealed: () => void;
  /** Answers the shards' questions. */
  keeper: Pick<KeeperHost, "ask">;
  parser: Pick<ParserThread, "parse">;
};

/** Opens the actor of each shard; `start` makes it recover. */
export function openShards({ config, log, onSealed, keeper, parser, ...shared }: ShardsGiven): ShardHost[] {
  const questions: Handlers<ShardQuestion, ShardAnswers> = {
    settle: (question) => keeper.ask(question),
    seal: (question) => keeper.ask(question),
    check: (question) => keeper.ask(question),
    "note lost": (question) => keeper.ask(question),
    count: (question) => keeper.ask(question),
    parse: (left) => parser.parse(left),
    sealed: async () => {
      onSealed();
      return undefined;
    },
  };
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
    return ActorHost.open<ShardRequest, ShardReplies, ShardQuestion, ShardAnswers>({
      name: `shard ${index}`,
      entry: new URL("./actor.ts", import.meta.url),
      options,
      log,
      questions,
      onDied: () => {
        new IdTable(shared.idTable, index).unlockAfterDeath();
        new Board(memory).closeAfterDeath();
      },
    });
  });
}
