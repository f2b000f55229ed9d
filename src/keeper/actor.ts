/** Worker entry of the keeper: it publishes the catalog. All its state is in the folder. */
import { bornWith, type Handlers } from "../actor/serve.ts";
import { publishCatalog } from "../store/catalog.ts";
import { DuckDB } from "../store/duckdb.ts";
import type { KeeperOptions, KeeperReplies, KeeperRequest } from "./protocol.ts";

const options = bornWith() as KeeperOptions;

/** Views are small, and their files are opened one at a time. */
const catalogLimits = { threads: 1, memoryMiB: 128 };

let duckdb: Promise<DuckDB> | undefined;

const handlers: Handlers<KeeperRequest, KeeperReplies> = {
  recover: async () => undefined,
  publish: async () => {
    duckdb ??= DuckDB.open(catalogLimits);
    return { segments: await publishCatalog(await duckdb, options.folder) };
  },
};

/** What piscina calls with each request. */
export function handle<Kind extends KeeperRequest["kind"]>(request: Extract<KeeperRequest, { kind: Kind }>) {
  const handler: (request: Extract<KeeperRequest, { kind: Kind }>) => Promise<KeeperReplies[Kind]> =
    handlers[request.kind];
  return handler(request);
}
