/**
 * Looks at the data folder again and again: segments that cannot be read, events that are missing, damaged small files.
 * What a person should know goes to health; what changed among the readable segments goes to the catalog and the
 * counts.
 */
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { KeeperHost } from "../keeper/host.ts";
import type { Publisher } from "../keeper/publisher.ts";
import type { AllShards } from "../shard/lanes/all-shards.ts";

/** A look lists names and reads small files: milliseconds. ms */
const lookEveryMs = 5_000;

/** The second look comes soon, because only what two looks in a row saw is told as missing. ms */
const secondLookMs = 1_000;

/** What is looked at, and who is told. */
type FolderWatchOptions = { keeper: KeeperHost; publisher: Publisher; shards: AllShards; log: Log };

/** Watches one folder until it is disposed. */
export class FolderWatch implements Disposable {
  readonly #options: FolderWatchOptions;
  #wakes: NodeJS.Timeout | undefined;
  #isStopping = false;
  #warnings: readonly string[] = [];
  /** What cannot be read and what is missing, as of the last look: the counts go without it. */
  #absent = "";

  /** Looks soon, and then again and again until it is disposed. */
  static open(options: FolderWatchOptions): FolderWatch {
    const watch = new FolderWatch(options);
    watch.#wakes = setTimeout(() => watch.#run(secondLookMs), 0);
    return watch;
  }

  private constructor(options: FolderWatchOptions) {
    this.#options = options;
  }

  /** What a person should know: a sentence each, which says what to do. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /**
   * Looks now.
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
