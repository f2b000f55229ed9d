/** Worker entry of a shard: one message, one reply; all state is in `Shard`. */
import { bornWith, type Handlers, notify } from "../actor/serve.ts";
import { invariant } from "../base/invariant.ts";
import type { ShardNotice, ShardOptions, ShardReplies, ShardRequest } from "./protocol.ts";
import { Shard } from "./shard.ts";

const options = bornWith() as ShardOptions;

let shard: Promise<Shard> | undefined;

async function recovered(): Promise<Shard> {
  invariant(shard !== undefined, "a shard recovers before it is asked anything else");
  return shard;
}

const handlers: Handlers<ShardRequest, ShardReplies> = {
  recover: async () => {
    const notice: ShardNotice = { kind: "sealed", shard: options.shard };
    shard = Shard.recover({ options, onSealed: () => notify(notice) });
    await shard;
    return undefined;
  },
  append: async ({ bundle }) => (await recovered()).append(bundle),
  seal: async () => {
    await (await recovered()).seal();
    return undefined;
  },
  metrics: async () => (await recovered()).metrics(),
  stop: async () => {
    await (await recovered()).stop();
    return undefined;
  },
};

/** What piscina calls with each request. */
export function handle<Kind extends ShardRequest["kind"]>(request: Extract<ShardRequest, { kind: Kind }>) {
  const handler: (request: Extract<ShardRequest, { kind: Kind }>) => Promise<ShardReplies[Kind]> =
    handlers[request.kind];
  return handler(request);
}
