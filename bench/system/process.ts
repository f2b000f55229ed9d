/** A server process of the benchmark's own: started, waited for, and ended by its id. */
import { closeSync, openSync, readFileSync } from "node:fs";

/** How to start a server that prints where it listens. */
export interface ServerOptions {
  /** Program and arguments. */
  readonly command: readonly string[];
  /** All of its environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Receives all that it prints. A file, not a pipe, so that nobody has to read while it runs. */
  readonly logPath: string;
  /** Ends the wait for its start. */
  readonly signal: AbortSignal;
  /** Longest wait for its start, if that has more to do than usual. */
  readonly startMsMax?: number | undefined;
  /** Pattern by which a foreign server says that it is ready; its first group is where it listens. */
  readonly listening?: RegExp;
}

/** How this project's own servers say it. */
const ownListening = /listening on (http:\/\/[^\s"]+)/;

/** Ten times what a start should take, to distinguish a slow machine from a hanging server. */
const startMsMax = 10_000;

/** The contract allows the service 10 s to seal everything; a service that takes longer than this has broken it. */
const stopMsMax = 12_000;

/** A closed connection is seen a little before the end of the process that closed it. */
const deathMsMax = 200;

/** One running server. Leaving its scope ends it, also when it was not stopped. */
export class ServerProcess implements AsyncDisposable {
  /** Where it listens: `http://HOST:PORT`, or what the pattern of a foreign server found. */
  readonly url: string;
  readonly #process: Bun.Subprocess;
  readonly #logPath: string;

  private constructor(process: Bun.Subprocess, options: { url: string; logPath: string }) {
    this.#process = process;
    this.#logPath = options.logPath;
    this.url = options.url;
  }

  /**
   * Starts the server and returns once it says where it listens.
   * @throws Error it ended, or said nothing in time; with the end of what it printed
   */
  static async start({ command, env, logPath, signal, listening, ...limits }: ServerOptions): Promise<ServerProcess> {
    const log = openSync(logPath, "w");
    const process = Bun.spawn([...command], { env, stdin: "ignore", stdout: log, stderr: log });
    closeSync(log);
    try {
      const deadline = performance.now() + (limits.startMsMax ?? startMsMax);
      for (;;) {
        const url = (listening ?? ownListening).exec(readFileSync(logPath, "utf8"))?.[1];
        if (url !== undefined) return new ServerProcess(process, { url, logPath });
        signal.throwIfAborted();
        if (process.exitCode !== null) throw new Error(`${command.join(" ")} ended at start:\n${tail(logPath)}`);
        if (performance.now() > deadline) throw new Error(`${command.join(" ")} does not listen:\n${tail(logPath)}`);
        await Bun.sleep(5);
      }
    } catch (error) {
      await kill(process);
      throw error;
    }
  }

  /** Its process id. */
  get pid(): number {
    return this.#process.pid;
  }

  /** The end of what it printed, for an error message. */
  get logTail(): string {
    return tail(this.#logPath);
  }

  /**
   * Sends SIGTERM and waits until it has ended.
   * @throws Error it ended with another code than 0, or not in time
   */
  async stop(): Promise<void> {
    this.#process.kill("SIGTERM");
    await endedWithin(this.#process, stopMsMax);
    const { exitCode, signalCode } = this.#process;
    if (exitCode === 0) return;
    const how = exitCode ?? signalCode ?? `still running after ${stopMsMax} ms`;
    throw new Error(`the server did not end well after SIGTERM (${how}):\n${this.logTail}`);
  }

  /** Why talking to it failed: that it ended, with its last words, where it did; else the error itself. */
  async explain(error: unknown): Promise<unknown> {
    await endedWithin(this.#process, deathMsMax);
    const how = this.#process.exitCode ?? this.#process.signalCode;
    if (how === null) return error;
    return new Error(`the server ended by itself (${how}); its last words:\n${this.logTail}`, { cause: error });
  }

  /** Kills it if it still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    await kill(this.#process);
  }
}

async function kill(process: Bun.Subprocess): Promise<void> {
  if (process.exitCode === null && process.signalCode === null) process.kill("SIGKILL");
  await process.exited;
}

async function endedWithin(process: Bun.Subprocess, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([process.exited, promise]);
  clearTimeout(timer);
}

function tail(path: string): string {
  return readFileSync(path, "utf8").slice(-2_000);
}
