/** Worker entry of a shard: one message, one reply; all state is in `Shard`. */
import { askOutside, bornWith, type Handlers, handlerOf, notify } from "../actor/serve.ts";
import { shareDescriptors } from "../base/descriptors.ts";
import { codeOf, DataFolderRefused, messageOf } from "../base/errors.ts";
import { invariant } from "../base/invariant.ts";
import { release } from "../base/release.ts";
import type { KeeperForShards, KeeperReplies, KeeperRequest } from "../keeper/protocol.ts";
import { packAnswers, unpackRequests } from "./bundle.ts";
import type { ShardNotice, ShardOptions, ShardReplies, ShardRequest } from "./protocol.ts";
import { Shard } from "./worker/shard.ts";

const options = bornWith() as ShardOptions;
shareDescriptors(options.descriptors);

let shard: Promise<Shard> | undefined;

const askKeeper = <Kind extends KeeperRequest["kind"]>(request: Extract<KeeperRequest, { kind: Kind }>) =>
  askOutside(request) as Promise<KeeperReplies[Kind]>;

const keeper: KeeperForShards = {
  settle: () => askKeeper({ kind: "settle" }),
  seal: (source) => askKeeper({ kind: "seal", source }),
  check: (path) => askKeeper({ kind: "check", path }),
  noteLost: (range) => askKeeper({ kind: "note lost", range }),
  count: (stretches, window) => askKeeper({ kind: "count", stretches, window }),
};

async function recovered(): Promise<Shard> {
  invariant(shard !== undefined, "a shard recovers before it is asked anything else");
  return shard;
}

const handlers: Handlers<ShardRequest, ShardReplies> = {
  recover: async () => {
    const notice: ShardNotice = { kind: "sealed", shard: options.shard };
    shard = Shard.recover({ options, keeper, onSealed: () => notify(notice) });
    try {
      await shard;
      return { refused: undefined };
    } catch (error) {
      // A class does not survive the way to the main thread; what it means does.
      if (error instanceof DataFolderRefused) return { refused: error.message };
      // A file that the system does not let be read or written is a person's to look after, too.
      if (codeOf(error) !== undefined) return { refused: `shard ${options.shard} cannot recover: ${messageOf(error)}` };
      throw error;
    }
  },
  append: async ({ requests }) => {
    const answers = (await recovered()).append(unpackRequests(requests));
    // Every body is read by now; only its answer is waited for.
    release(requests);
    return packAnswers(await answers);
  },
  metrics: async () => (await recovered()).metrics(),
  watermarks: async () => (await recovered()).watermarks(),
  seal: async () => {
    await (await recovered()).seal();
    return undefined;
  },
  recount: async () => {
    await (await recovered()).recount();
    return undefined;
  },
  forget: async ({ path }) => {
    (await recovered()).forget(path);
    return undefined;
  },
  imported: async ({ step }) => (await recovered()).importedIds.take(step),
  stop: async ({ giveUpAtMs }) => {
    await (await recovered()).stop(giveUpAtMs);
    return undefined;
  },
};

/** What piscina calls. */
export const handle = handlerOf(handlers);
