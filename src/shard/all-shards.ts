/** What is asked of all shards at once. */
import { within } from "../base/within.ts";
import type { ShardWatermark } from "../store/catalog-views.ts";
import type { ShardHost } from "./dispatcher.ts";

/** A shard that does not tell its watermarks by then keeps those that it told last. ms */
const watermarkPatienceMs = 500;

/** All shards that run. */
export class AllShards {
  readonly #hosts: readonly ShardHost[];
  readonly #told: ShardWatermark[][];

  constructor(hosts: readonly ShardHost[]) {
    this.#hosts = hosts;
    this.#told = hosts.map(() => []);
  }

  /** Up to when everything that was accepted is sealed, of each shard. A shard that is not there is not waited for. */
  async watermarks(): Promise<ShardWatermark[]> {
    await Promise.all(
      this.#hosts.map(async (host, index) => {
        if (!host.isReady) return;
        const asked = host.ask({ kind: "watermarks" }).catch(() => undefined);
        const told = await within(asked, watermarkPatienceMs);
        if (told !== undefined) this.#told[index] = told;
      }),
    );
    return this.#told.flat();
  }

  /**
   * Resolves when everything accepted before the call is sealed.
   * @throws ActorDied when a shard died meanwhile
   */
  async seal(): Promise<void> {
    await Promise.all(this.#hosts.map((host) => host.ask({ kind: "seal" })));
  }

  /** Brings the boards to what the segments hold now. A shard that dies meanwhile counts anew by itself. */
  async recount(): Promise<void> {
    await Promise.all(this.#hosts.map((host) => host.ask({ kind: "recount" }).catch(() => undefined)));
  }

  /**
   * Takes ids, in a file one a line, out of all id logs.
   * @throws ActorDied when a shard could not; it can be asked again
   */
  async forget(path: string): Promise<void> {
    await Promise.all(this.#hosts.map((host) => host.ask({ kind: "forget", path })));
  }
}
