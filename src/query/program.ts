/** The program of a query's process: its source, or one file made of that, which starts in half the processor time. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { messageOf } from "../base/errors.ts";
import { limitedProcess } from "../base/limited-process.ts";
import type { Log } from "../base/log.ts";

const source = fileURLToPath(new URL("./sandbox.ts", import.meta.url));
const bundler = fileURLToPath(new URL("./bundle.ts", import.meta.url));

/** Of the bundler, whose usual peak is 150. MiB */
const memoryMiB = 512;

/** The program, for all who start such processes. */
export class SandboxProgram {
  readonly #log: Log;
  #bundle: string | undefined;
  #bundling: Bun.Subprocess | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Path of the entry. A bundle is used while it is there. */
  get entry(): string {
    return this.#bundle !== undefined && existsSync(this.#bundle) ? this.#bundle : source;
  }

  /** Makes the bundle in a folder, in a process that then ends. If that fails, the source remains the entry. */
  async bundleInto(folderOf: () => string): Promise<void> {
    try {
      const folder = folderOf();
      const bundle = join(folder, "sandbox.js");
      const { command, env } = limitedProcess({ entry: bundler, args: [folder], memoryMiB });
      const child = Bun.spawn(command, { env, cwd: folder, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
      this.#bundling = child;
      const [said, complaint] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
      if (this.#bundling === undefined) return;
      this.#bundling = undefined;
      // A part of a file may be there, too.
      if (said === "") throw new Error(complaint.trim());
      this.#bundle = bundle;
    } catch (error) {
      this.#log.warn({ error: messageOf(error) }, "queries start more slowly: their program is not one file");
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
