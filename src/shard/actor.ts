/** Worker entry of a shard: one message, one reply; all state is in `Shard`. */
import { bornWith, type Door, type Handlers, handlerOf } from "../actor/serve.ts";
import { shareDescriptors } from "../base/descriptors.ts";
import { codeOf, DataFolderRefused } from "../base/errors.ts";
import { invariant } from "../base/invariant.ts";
import { interruptOthers } from "../base/priority.ts";
import { release } from "../base/release.ts";
import { withRemedy } from "../base/remedy.ts";
import type { KeeperForShards } from "../keeper/protocol.ts";
import { packAnswers, unpackRequests } from "./bundle.ts";
import type { LeftBody, ShardAnswers, ShardOptions, ShardQuestion, ShardReplies, ShardRequest } from "./protocol.ts";
import { Shard } from "./worker/shard.ts";

const options = bornWith() as ShardOptions;
shareDescriptors(options.descriptors);
interruptOthers();

let shard: Promise<Shard> | undefined;
/** The same, once it has recovered. */
let running: Shard | undefined;

/** How this thread asks the main thread. */
type ShardDoor = Door<ShardQuestion, ShardAnswers>;

/** The keeper, reached through that door. */
const keeperBehind = (door: ShardDoor): KeeperForShards => ({
  settle: () => door.ask({ kind: "settle" }),
  seal: (source) => door.ask({ kind: "seal", source }),
  check: (path) => door.ask({ kind: "check", path }),
  noteLost: (range) => door.ask({ kind: "note lost", range }),
  count: (stretches, window) => door.ask({ kind: "count", stretches, window }),
});

async function recovered(): Promise<Shard> {
  invariant(shard !== undefined, "a shard recovers before it is asked anything else");
  return shard;
}

/** Appends requests; resolves with the packed answers. */
function append(to: Shard, requests: Uint8Array): Promise<string> {
  const answers = to.append(unpackRequests(requests));
  // Every body is read by now; only the answers are outstanding.
  release(requests);
  return answers.then(packAnswers);
}

const handlersOf = (door: ShardDoor): Handlers<ShardRequest, ShardReplies> => ({
  recover: async () => {
    const onSealed = () => door.tell({ kind: "sealed", shard: options.shard });
    const parse = (left: LeftBody) => door.ask({ ...left, kind: "parse" }, [left.body.buffer]);
    shard = Shard.recover({ options, keeper: keeperBehind(door), parse, onSealed });
    try {
      running = await shard;
      return { refused: undefined };
    } catch (error) {
      // An error's class is lost on the way to the main thread, so it is returned as a value.
      if (error instanceof DataFolderRefused) return { refused: error.message };
      // A file that the system refuses to read or write needs a person, too.
      if (codeOf(error) !== undefined)
        return { refused: `shard ${options.shard} cannot recover: ${withRemedy(error)}` };
      throw error;
    }
  },
  append: ({ requests }) =>
    running === undefined ? recovered().then((late) => append(late, requests)) : append(running, requests),
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
  schemas: async ({ source }) => {
    // It may come before `recover`: then the shard starts with them.
    options.schemas.source = source;
    await (await shard)?.useSchemas(source);
    return undefined;
  },
  imported: async ({ step }) => (await recovered()).importedIds.take(step),
  stop: async ({ giveUpAtMs }) => {
    await (await recovered()).stop(giveUpAtMs);
    return undefined;
  },
});

/** What piscina calls. */
export const handle = handlerOf(handlersOf);
