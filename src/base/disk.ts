/**
 * Free space of the data folder's disk, and whether it takes a file at all.
 *
 * Checked off this thread, one check at a time: a disk that hangs must not block the thread that answers requests, and
 * a check that does not return is itself reported.
 */
import { statfsSync } from "node:fs";
import { open, statfs, unlink } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "./clock.ts";
import { lacksDescriptors } from "./descriptors.ts";
import { codeOf, messageOf } from "./errors.ts";

/**
 * The state of the disk. `failure`: the code or message of the last check; `silentMs`: for how long the running check
 * has not returned.
 */
export type DiskState = { freeBytes: number; isLow: boolean; failure: string | undefined; silentMs: number };

/** How often the disk is checked. ms */
const lookEveryMs = 250;

/** Kept free for a small segment, the catalog and the group that is being written. Bytes. */
const reserveBytesMin = 4 * 1024 * 1024;

/** `unsealedBytes`: what waits to be sealed; `onLook` is called after each check. */
type DiskWatchOptions = { unsealedBytes: () => number; onLook: (state: DiskState) => void };

/** Watches the disk of a folder. Sealing needs space again for what waits to be sealed, at most half its size. */
export class DiskWatch implements Disposable {
  readonly #path: string;
  readonly #unsealedBytes: () => number;
  readonly #onLook: (state: DiskState) => void;
  #timer: NodeJS.Timeout | undefined;
  #freeBytes: number;
  #failure: string | undefined;
  /** When the running check began; undefined if none is running. ms */
  #askedMs: number | undefined;

  /**
   * Checks once, and then regularly until it is disposed of.
   * @throws the system's error when the folder's disk cannot be checked at all
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

  /** The state at the last check. */
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
      // A disk that became read-only still has free space, so a file is created: not synced, and removed at once.
      const probe = join(this.#path, "disk.tmp");
      const file = await open(probe, "w");
      await file.close();
      await unlink(probe);
      this.#freeBytes = bavail * bsize;
      this.#failure = undefined;
    } catch (error) {
      // Too many connections are not a fault of the disk: its last known state holds.
      if (!lacksDescriptors(error)) this.#failure = codeOf(error) ?? messageOf(error);
    } finally {
      this.#askedMs = undefined;
      this.#onLook(this.state);
    }
  }
}
