/** Keeps the catalog up with what is sealed: one publication at a time, and another while something was sealed meanwhile. */
import type { ActorHost } from "../actor/host.ts";
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { KeeperReplies, KeeperRequest } from "./protocol.ts";

/** After a publication that failed, the next one waits. ms */
const retryPauseMs = 500;

/** Publishes the catalog whenever it is told that something was sealed. */
export class Publisher {
  readonly #keeper: ActorHost<KeeperRequest, KeeperReplies>;
  readonly #log: Log;
  #isWanted = false;
  #isFinishing = false;
  #running: Promise<void> | undefined;
  #segments = 0;
  #failure: string | undefined;

  constructor(keeper: ActorHost<KeeperRequest, KeeperReplies>, log: Log) {
    this.#keeper = keeper;
    this.#log = log;
  }

  /** Segments that the catalog names. */
  get segments(): number {
    return this.#segments;
  }

  /** Why the catalog is behind; undefined when it is not. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /**
   * Publishes now, at start and at the end.
   * @throws ActorDied with the keeper's reason
   */
  async publish(): Promise<void> {
    const { segments } = await this.#keeper.ask({ kind: "publish" });
    this.#segments = segments;
    this.#failure = undefined;
  }

  /** Something was sealed: the catalog follows. */
  want(): void {
    this.#isWanted = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Publishes for the last time, and tries until `giveUpAtMs`; false when the catalog could not be written by then. */
  async finish(giveUpAtMs: number): Promise<boolean> {
    this.#isFinishing = true;
    await this.#running;
    for (;;) {
      try {
        await this.publish();
        return true;
      } catch (error) {
        this.#log.error({ error: messageOf(error) }, "catalog not published");
        if (Date.now() + retryPauseMs > giveUpAtMs) return false;
        await Bun.sleep(retryPauseMs);
      }
    }
  }

  async #run(): Promise<void> {
    while (this.#isWanted && !this.#isFinishing) {
      this.#isWanted = false;
      try {
        await this.publish();
      } catch (error) {
        this.#failure = messageOf(error);
        this.#isWanted = true;
        this.#log.error({ error: this.#failure }, "catalog not published; tried again");
        await Bun.sleep(retryPauseMs);
      }
    }
  }
}
