/** What is asked of all shards at once. */
import type { ActorHost } from "../../actor/host.ts";
import type { HistogramCounts } from "../../base/metrics.ts";
import { within } from "../../base/within.ts";
import type { ShardWatermark } from "../../store/catalog/views.ts";
import type { ImportStep } from "../ids/imported-ids.ts";
import type { ShardAnswers, ShardQuestion, ShardReplies, ShardRequest } from "../protocol.ts";
import type { ShardLane } from "./lane.ts";

/** A shard's actor, as the main thread sees it. */
export type ShardHost = ActorHost<ShardRequest, ShardReplies, ShardQuestion, ShardAnswers>;

/** The way for requests to a shard on the main thread. */
export const laneTo = (host: ShardHost): ShardLane => ({
  get isReady() {
    return host.isReady;
  },
  append: (requests) => host.ask({ kind: "append", requests }, [requests.buffer]),
});

/** A scrape waits this long for a thread that is busy, then goes without its histograms. ms */
const scrapePatienceMs = 500;

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

  /** Brings the boards to what the segments hold now. A shard that dies meanwhile counts again by itself. */
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

  /**
   * Tells all shards of a step of an import; true where a live event came with an id of its piece meanwhile.
   * @throws ActorDied when a shard could not be told
   */
  async imported(step: ImportStep): Promise<boolean> {
    const taken = await Promise.all(this.#hosts.map((host) => host.ask({ kind: "imported", step })));
    return taken.includes(true);
  }

  /** What the histograms of each thread hold; nothing of one that does not answer in time. */
  histograms(): Promise<HistogramCounts[][]> {
    return Promise.all(
      this.#hosts.map(async (host) => {
        if (!host.isReady) return [];
        const asked = host.ask({ kind: "metrics" }).catch(() => []);
        return (await within(asked, scrapePatienceMs)) ?? [];
      }),
    );
  }
}
