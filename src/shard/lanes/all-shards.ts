/** Requests that go to all shards at once. */
import type { ActorHost } from "../../actor/host.ts";
import type { HistogramCounts } from "../../base/metrics.ts";
import { within } from "../../base/within.ts";
import type { SchemaSource } from "../../schema/set.ts";
import type { ShardWatermark } from "../../store/catalog/views.ts";
import type { ImportStep } from "../ids/imported-ids.ts";
import type { ShardAnswers, ShardQuestion, ShardReplies, ShardRequest } from "../protocol.ts";
import type { ShardLane } from "./lane.ts";

/** A shard's actor, as the main thread sees it. */
export type ShardHost = ActorHost<ShardRequest, ShardReplies, ShardQuestion, ShardAnswers>;

/** The main thread's way to a shard. */
export const laneTo = (host: ShardHost): ShardLane => ({
  get isReady() {
    return host.isReady;
  },
  append: (requests) => host.ask({ kind: "append", requests }, [requests.buffer]),
});

/** A scrape waits this long for a busy thread, then leaves out its histograms. ms */
const scrapePatienceMs = 500;

/** A shard that does not answer within this time keeps its last watermarks. ms */
const watermarkPatienceMs = 500;

/** All shards that run. */
export class AllShards {
  readonly #hosts: readonly ShardHost[];
  readonly #told: ShardWatermark[][];

  constructor(hosts: readonly ShardHost[]) {
    this.#hosts = hosts;
    this.#told = hosts.map(() => []);
  }

  /**
   * The watermark of each shard: every event accepted before this time is sealed. A shard that is not ready keeps its
   * last one.
   */
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

  /** Counts the segments again and updates the boards. A shard that dies meanwhile counts when it recovers. */
  async recount(): Promise<void> {
    await Promise.all(this.#hosts.map((host) => host.ask({ kind: "recount" }).catch(() => undefined)));
  }

  /**
   * Removes the ids in a file, one a line, from all id logs.
   * @throws ActorDied when a shard failed; the call can be repeated
   */
  async forget(path: string): Promise<void> {
    await Promise.all(this.#hosts.map((host) => host.ask({ kind: "forget", path })));
  }

  /**
   * Sends a step of an import to all shards. Returns true if a live event may have come with an id of its piece
   * meanwhile.
   * @throws ActorDied when a shard did not answer
   */
  async imported(step: ImportStep): Promise<boolean> {
    const taken = await Promise.all(this.#hosts.map((host) => host.ask({ kind: "imported", step })));
    return taken.includes(true);
  }

  /**
   * Replaces the schemas of properties. A shard that dies meanwhile has a successor that is born with those of its
   * options, which the caller has replaced before.
   */
  async useSchemas(source: SchemaSource | undefined): Promise<void> {
    await Promise.all(this.#hosts.map((host) => host.ask({ kind: "schemas", source }).catch(() => undefined)));
  }

  /** The histograms of each thread; empty for one that does not answer in time. */
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
