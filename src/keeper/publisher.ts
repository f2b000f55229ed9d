/**
 * Keeps the catalog up to date with what is sealed. One publication runs at a time; if something was sealed meanwhile,
 * another one follows.
 */
import { systemClock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { ShardWatermark } from "../store/catalog/views.ts";
import type { KeeperHost } from "./host.ts";
import type { ShardHoldings } from "./protocol.ts";

/** Pause after a publication that failed. ms */
const retryPauseMs = 500;

/** Without new events the catalog is written again this often: a fresh watermark shows that nothing came. ms */
const idleMs = 10_000;

/** What a publisher needs. */
type PublisherOptions = {
  keeper: KeeperHost;
  log: Log;
  /** Called before each publication; what it throws is a failed publication. */
  prepare: () => void;
  /** Returns each shard's watermark: every event accepted before it is sealed. Called before each publication. */
  watermarks: () => Promise<ShardWatermark[]>;
};

/** Publishes the catalog whenever `want` is called. */
export class Publisher implements Disposable {
  readonly #options: PublisherOptions;
  #ticker: NodeJS.Timeout | undefined;
  #isWanted = false;
  #isFinishing = false;
  #running: Promise<void> | undefined;
  #publishedMs = 0;
  #holdings: readonly ShardHoldings[] = [];
  #failure: string | undefined;

  /** Starts the periodic publications, which end when it is disposed. */
  static open(options: PublisherOptions): Publisher {
    const publisher = new Publisher(options);
    publisher.#ticker = setInterval(() => {
      if (performance.now() - publisher.#publishedMs > idleMs) publisher.want();
    }, idleMs / 10);
    return publisher;
  }

  private constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** What the catalog shows of each shard. */
  get holdings(): readonly ShardHoldings[] {
    return this.#holdings;
  }

  /** Why the catalog is behind; undefined when it is not. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /**
   * Publishes now, and returns the version of the catalog.
   * @throws ActorDied with the keeper's reason
   */
  async publish(): Promise<number> {
    this.#options.prepare();
    const watermarks = await this.#options.watermarks();
    const { version, holdings } = await this.#options.keeper.ask({
      kind: "publish",
      watermarks,
      nowMs: systemClock.nowMs(),
    });
    this.#holdings = holdings;
    this.#failure = undefined;
    this.#publishedMs = performance.now();
    return version;
  }

  /** Requests a publication, because something was sealed. */
  want(): void {
    this.#isWanted = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /**
   * Publishes for the last time, with retries until `giveUpAtMs` of the monotonic clock. Returns false if the catalog
   * could not be written by then.
   */
  async finish(giveUpAtMs: number): Promise<boolean> {
    this.#isFinishing = true;
    await this.#running;
    for (;;) {
      try {
        await this.publish();
        return true;
      } catch (error) {
        this.#options.log.error({ error: messageOf(error) }, "catalog not published");
        if (systemClock.monotonicMs() + retryPauseMs > giveUpAtMs) return false;
        await Bun.sleep(retryPauseMs);
      }
    }
  }

  [Symbol.dispose](): void {
    // Otherwise a catalog that cannot be written would be retried forever.
    this.#isFinishing = true;
    clearInterval(this.#ticker);
  }

  async #run(): Promise<void> {
    while (this.#isWanted && !this.#isFinishing) {
      this.#isWanted = false;
      try {
        await this.publish();
      } catch (error) {
        this.#failure = messageOf(error);
        this.#isWanted = true;
        this.#options.log.error({ error: this.#failure }, "catalog not published; tried again");
        await Bun.sleep(retryPauseMs);
      }
    }
  }
}
