/**
 * Free space of the data folder's disk, and whether it takes a file at all.
 *
 * Asked off this thread, one question at a time: a disk that hangs must not hold whoever answers requests, and a
 * question that does not come back is itself what there is to tell.
 */
import { statfsSync } from "node:fs";
import { open, statfs, unlink } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "./clock.ts";
import { lacksDescriptors } from "./descriptors.ts";
import { codeOf, messageOf } from "./errors.ts";

/**
 * What is known of the disk. `failure`: the system's code or text of the last look; `silentMs`: how long it has not
 * answered.
 */
export type DiskState = { freeBytes: number; isLow: boolean; failure: string | undefined; silentMs: number };

/** How often the disk is asked. ms */
const lookEveryMs = 250;

/** Kept free for a small segment, the catalog and the group being written. Bytes. */
const reserveBytesMin = 4 * 1024 * 1024;

/** `unsealedBytes`: what waits to be sealed; `onLook` is told after each look. */
type DiskWatchOptions = { unsealedBytes: () => number; onLook: (state: DiskState) => void };

/** Watches the disk of a folder; what waits to be sealed needs room once more, at most half its size. */
export class DiskWatch implements Disposable {
  readonly #path: string;
  readonly #unsealedBytes: () => number;
  readonly #onLook: (state: DiskState) => void;
  #timer: NodeJS.Timeout | undefined;
  #freeBytes: number;
  #failure: string | undefined;
  /** When the look that is under way began; undefined when none is. ms */
  #askedMs: number | undefined;

  /**
   * Looks once, and then again and again until it is disposed.
   * @throws the system's error when the folder's disk cannot be asked at all
   */
  static open(path: string, options: DiskWatchOptions): DiskWatch {
    const { bavail, bsize } = statfsSync(path);
    const watch = new DiskWatch(path, options, bavail * bsize);
    options.onLook(watch.state);
    watch.#timer = setInterval(() => {
      if (watch.#askedMs === undefined) watch.#look();
    }, lookEveryMs);
    return watch;
  }

  private constructor(path: string, options: DiskWatchOptions, freeBytes: number) {
    this.#path = path;
    this.#unsealedBytes = options.unsealedBytes;
    this.#onLook = options.onLook;
    this.#freeBytes = freeBytes;
  }

  /** As it was seen last. */
  get state(): DiskState {
    return {
      freeBytes: this.#freeBytes,
      isLow: this.#freeBytes < reserveBytesMin + this.#unsealedBytes() / 2,
      failure: this.#failure,
      silentMs: this.#askedMs === undefined ? 0 : systemClock.monotonicMs() - this.#askedMs,
    };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    this.#askedMs = systemClock.monotonicMs();
    try {
      const { bavail, bsize } = await statfs(this.#path);
      // A disk that became read-only shows no lack of space. Not synced, and removed at once.
      const probe = join(this.#path, "disk.tmp");
      const file = await open(probe, "w");
      await file.close();
      await unlink(probe);
      this.#freeBytes = bavail * bsize;
      this.#failure = undefined;
    } catch (error) {
      // Too many connections for a moment are no fault of the disk: what was known of it holds.
      if (!lacksDescriptors(error)) this.#failure = codeOf(error) ?? messageOf(error);
    } finally {
      this.#askedMs = undefined;
      this.#onLook(this.state);
    }
  }
}
