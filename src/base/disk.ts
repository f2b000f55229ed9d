/** Free space of the data folder's disk, looked at a few times a second, and whether it takes a file at all. */
import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "./errors.ts";

/** What is known of the disk. */
type DiskState = { freeBytes: number; isLow: boolean; failure: string | undefined };

/** How often the disk is asked. ms */
const lookEveryMs = 250;

/** Kept free for a small segment, the catalog and the group being written. Bytes. */
const reserveBytesMin = 4 * 1024 * 1024;

/** Watches the disk of a folder; what waits to be sealed needs room once more, at most half its size. */
export class DiskWatch implements Disposable {
  readonly #path: string;
  readonly #unsealedBytes: () => number;
  readonly #onLook: (state: DiskState) => void;
  readonly #timer: NodeJS.Timeout;
  #state: DiskState = { freeBytes: 0, isLow: false, failure: undefined };

  constructor(path: string, options: { unsealedBytes: () => number; onLook: (state: DiskState) => void }) {
    this.#path = path;
    this.#unsealedBytes = options.unsealedBytes;
    this.#onLook = options.onLook;
    this.#look();
    this.#timer = setInterval(() => this.#look(), lookEveryMs);
  }

  /** As it was seen last. */
  get state(): DiskState {
    return this.#state;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    try {
      const { bavail, bsize } = statfsSync(this.#path);
      // A disk that became read-only shows no lack of space. Not synced, and removed at once: it costs microseconds.
      const probe = join(this.#path, "disk.tmp");
      writeFileSync(probe, "");
      rmSync(probe);
      const freeBytes = bavail * bsize;
      this.#state = {
        freeBytes,
        isLow: freeBytes < reserveBytesMin + this.#unsealedBytes() / 2,
        failure: undefined,
      };
    } catch (error) {
      this.#state = { ...this.#state, failure: messageOf(error) };
    }
    this.#onLook(this.#state);
  }
}
