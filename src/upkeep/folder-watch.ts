/**
 * Checks the data folder periodically for unreadable segments, missing events and damaged small files. Warnings go to
 * health. When the set of readable segments changes, the catalog and the counts are updated.
 */
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { KeeperHost } from "../keeper/host.ts";
import type { Publisher } from "../keeper/publisher.ts";
import type { AllShards } from "../shard/lanes/all-shards.ts";

/** Pause between two checks. A check lists names and reads small files, which takes milliseconds. ms */
const lookEveryMs = 5_000;

/** The second check comes soon, because events are reported as missing only after two checks in a row. ms */
const secondLookMs = 1_000;

/** What the watch checks and updates. */
type FolderWatchOptions = { keeper: KeeperHost; publisher: Publisher; shards: AllShards; log: Log };

/** Watches one folder until it is disposed. */
export class FolderWatch implements Disposable {
  readonly #options: FolderWatchOptions;
  #wakes: NodeJS.Timeout | undefined;
  #isStopping = false;
  #warnings: readonly string[] = [];
  /** What was unreadable or missing at the last check. The counts exclude it. */
  #absent = "";

  /** Starts checking at once, and repeats until it is disposed. */
  static open(options: FolderWatchOptions): FolderWatch {
    const watch = new FolderWatch(options);
    watch.#wakes = setTimeout(() => watch.#run(secondLookMs), 0);
    return watch;
  }

  private constructor(options: FolderWatchOptions) {
    this.#options = options;
  }

  /** Warnings for a person: one sentence each, which says what to do. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /**
   * Checks the folder now.
   * @throws ActorDied when the keeper could not
   */
  async look(): Promise<void> {
    const { keeper, publisher, shards, log } = this.#options;
    const { warnings, unreadable, missing } = await keeper.ask({ kind: "inspect" });
    for (const warning of warnings) if (!this.#warnings.includes(warning)) log.warn(warning);
    this.#warnings = warnings;
    const absent = [...unreadable, ...missing].join();
    if (absent === this.#absent) return;
    this.#absent = absent;
    publisher.want();
    await shards.recount();
  }

  async #run(pauseMs: number): Promise<void> {
    try {
      await this.look();
    } catch (error) {
      if (!this.#isStopping) this.#options.log.error({ error: messageOf(error) }, "folder not looked at; tried again");
    }
    if (!this.#isStopping) this.#wakes = setTimeout(() => this.#run(lookEveryMs), pauseMs);
  }

  [Symbol.dispose](): void {
    this.#isStopping = true;
    clearTimeout(this.#wakes);
  }
}
