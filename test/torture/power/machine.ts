/** A real ext4 on a disk whose power can be cut. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { readProc, repoRoot } from "../../support/process.ts";
import { until } from "../../support/until.ts";

/** Room for the segments of a round; the disk is held in memory twice. MiB */
const sizeMiB = 96;

/** Time for each step of a mount or an unmount on a busy machine. ms */
const stepMsMax = 20_000;

/** What the machine needs besides root: NBD as a file by FUSE (Debian: libnbd-bin, e2fsprogs). */
export const powerTools = ["nbdfuse", "mkfs.ext4", "losetup"] as const;

function command(...words: string[]): string {
  const ended = Bun.spawnSync(words, { stdin: "ignore" });
  if (!ended.success) throw new Error(`${words.join(" ")}: ${ended.stderr.toString().trim()}`);
  return ended.stdout.toString().trim();
}

/** A disk, its file system, and the switch. */
export class PoweredDisk implements AsyncDisposable {
  /** Where the file system is mounted. */
  readonly path: string;
  readonly #fuse: string;
  readonly #socket: string;
  readonly #disk: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #lines: AsyncIterator<string>;
  #nbdfuse: Bun.Subprocess | undefined;
  #loop: string | undefined;

  private constructor(folder: string) {
    this.path = join(folder, "mounted");
    this.#fuse = join(folder, "fuse");
    this.#socket = join(folder, "nbd");
    mkdirSync(this.path);
    mkdirSync(this.#fuse);
    const entry = join(repoRoot, "test/torture/power/volatile-disk.ts");
    this.#disk = Bun.spawn([process.execPath, "--no-orphans", entry, this.#socket, String(sizeMiB)], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    this.#lines = linesOf(this.#disk.stdout);
  }

  /** Makes a disk with an empty file system, mounted. */
  static async open(folder: string): Promise<PoweredDisk> {
    const disk = new PoweredDisk(folder);
    try {
      await disk.#lines.next();
      await disk.#attach();
      // Without lazy initialisation, which would write beside the test.
      command("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", disk.#loopOf());
      command("mount", disk.#loopOf(), disk.path);
      return disk;
    } catch (error) {
      await disk[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Cuts the power: nothing reaches the disk any more. The seed decides which unflushed writes did. */
  async cut(seed: number): Promise<void> {
    await this.#tell(`cut ${seed}`);
  }

  /** Restores the power: mounts the same disk again with whatever is on it. REQUIRES: nobody uses the file system. */
  async restore(): Promise<void> {
    await this.#detach();
    await this.#tell("restore");
    await this.#attach();
    command("mount", this.#loopOf(), this.path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#detach();
    this.#disk.kill("SIGKILL");
    await this.#disk.exited;
  }

  async #tell(line: string): Promise<void> {
    this.#disk.stdin.write(`${line}\n`);
    await this.#disk.stdin.flush();
    await this.#lines.next();
  }

  #loopOf(): string {
    if (this.#loop === undefined) throw new Error("the disk is not attached");
    return this.#loop;
  }

  async #attach(): Promise<void> {
    const file = join(this.#fuse, "nbd");
    this.#nbdfuse = Bun.spawn(["nbdfuse", this.#fuse, `nbd+unix:///?socket=${this.#socket}`], {
      stdin: "ignore",
      stdout: "ignore",
      // Requests after the cut fail as intended; a line for each would hide the rest.
      stderr: "ignore",
    });
    await until(() => existsSync(file), { what: "nbdfuse to mount", limitMs: stepMsMax });
    this.#loop = command("losetup", "--find", "--show", file);
  }

  async #detach(): Promise<void> {
    // A process that is still dying may hold a file for a moment.
    await until(() => !isMounted(this.path) || Bun.spawnSync(["umount", this.path]).success, {
      what: "the file system to be unmounted",
      limitMs: stepMsMax,
    });
    if (this.#loop !== undefined) Bun.spawnSync(["losetup", "--detach", this.#loop]);
    this.#loop = undefined;
    const nbdfuse = this.#nbdfuse;
    if (nbdfuse === undefined) return;
    Bun.spawnSync(["umount", "-l", this.#fuse]);
    nbdfuse.kill("SIGTERM");
    await nbdfuse.exited;
    this.#nbdfuse = undefined;
    await until(() => !existsSync(join(this.#fuse, "nbd")), { what: "nbdfuse to end", limitMs: stepMsMax });
  }
}

const isMounted = (path: string) => readProc("self/mounts").includes(` ${path} `);

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const bytes of stream) {
    rest += Buffer.from(bytes).toString();
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
