/**
 * The programs of our own processes that come and go: the source of each, or one file made of it, which starts in less
 * than half of the processor time and takes 12 MB less.
 */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { messageOf } from "./errors.ts";
import { limitedProcess } from "./limited-process.ts";
import type { Log } from "./log.ts";

const bundler = fileURLToPath(new URL("./bundle-programs.ts", import.meta.url));

/** Of the bundler, whose usual peak is 150. MiB */
const memoryMiB = 512;

/** The programs of one service, for all who start such processes. */
export class Programs {
  readonly #sources: readonly string[];
  readonly #log: Log;
  /** The folder of the bundles, once they are made. */
  #bundles: string | undefined;
  #bundling: Bun.Subprocess | undefined;

  /** `sources` are paths of TypeScript files, each with a name of its own. */
  constructor(sources: readonly string[], log: Log) {
    this.#sources = sources;
    this.#log = log;
  }

  /** What to start for one of the sources. Its bundle is used while it is there. */
  entryOf(source: string): string {
    const bundle = this.#bundles === undefined ? undefined : join(this.#bundles, bundleNameOf(source));
    return bundle !== undefined && existsSync(bundle) ? bundle : source;
  }

  /** Makes the bundles in a folder, in a process that then ends. If that fails, the sources remain the entries. */
  async bundleInto(folderOf: () => string): Promise<void> {
    try {
      const folder = folderOf();
      // The runtime reads a backslash in the path of a program as a slash.
      if (folder.includes("\\")) return;
      const { command, env } = limitedProcess({ entry: bundler, args: [folder, ...this.#sources], memoryMiB });
      const child = Bun.spawn(command, { env, cwd: folder, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
      this.#bundling = child;
      const [said, complaint] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
      if (this.#bundling === undefined) return;
      this.#bundling = undefined;
      // A part of a file may be there, too.
      if (said === "") throw new Error(complaint.trim());
      this.#bundles = folder;
    } catch (error) {
      this.#log.warn({ error: messageOf(error) }, "queries and merges start more slowly: a program is not one file");
    }
  }

  /** Ends the bundler. */
  async stop(): Promise<void> {
    const child = this.#bundling;
    this.#bundling = undefined;
    child?.kill("SIGKILL");
    await child?.exited;
  }
}

/** The file of a bundle. The bundler gives it this name. */
const bundleNameOf = (source: string) => basename(source).replace(/\.ts$/, ".js");
