/** The two servers to compare, each in its own process: the floor, and the service as it is shipped. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ServerProcess } from "./process.ts";
import { startVariables } from "./start-command.ts";

/** Where a server of this run may write, and what ends its start. */
export interface StartOptions {
  /** A folder of this run's own. */
  readonly folder: string;
  /** Ends the wait for its start. */
  readonly signal: AbortSignal;
  /** The caller's data folder; by default a new one that is removed with the service. */
  readonly dataDir?: string;
  /** Configuration of the service beside what the benchmark always gives it. */
  readonly env?: Readonly<Record<string, string>>;
  /** A program with arguments that runs the service's command, such as `taskset`. */
  readonly launcher?: readonly string[];
  /** Longest wait for its start, if there is much to recover. */
  readonly startMsMax?: number | undefined;
}

/** The part of the stats that the benchmark reads. */
export interface Stats {
  /** Acknowledged since the folder was empty. */
  readonly totalEvents: number;
  /** Acknowledged and not yet in a segment. */
  readonly eventsPending: number;
}

/** The command line as it is shipped. */
export const cliPath = fileURLToPath(new URL("../../src/cli/millrace.ts", import.meta.url));
const floorPaths = {
  json: fileURLToPath(new URL("../floors/json-server.ts", import.meta.url)),
  gzip: fileURLToPath(new URL("../floors/gzip-json-server.ts", import.meta.url)),
};

/** Longest wait for a token or one answer outside the load: far more than either takes under full load. */
const answerMsMax = 10_000;

/** Starts the floor for plain or for compressed JSON. */
export function startFloor(
  { folder, signal }: StartOptions,
  takes: keyof typeof floorPaths = "json",
): Promise<ServerProcess> {
  const command = [process.execPath, "--no-orphans", floorPaths[takes]];
  return ServerProcess.start({ command, env: process.env, logPath: join(folder, "floor.log"), signal });
}

/** The service in a new data folder. Leaving its scope ends it and removes the folder. */
export class Service implements AsyncDisposable {
  /** Milliseconds from the start of the process until it says that it listens. */
  readonly listeningMs: number;
  /** Milliseconds from the start of the process to the first healthy answer. */
  readonly readyMs: number;
  /** A token that may write events and read stats. */
  readonly token: string;
  /** Path of its catalog. */
  readonly dataDir: string;
  readonly #server: ServerProcess;
  readonly #env: Record<string, string | undefined>;
  readonly #ending: AsyncDisposableStack;

  private constructor(
    { server, env }: { server: ServerProcess; env: Record<string, string | undefined> },
    told: Pick<Service, "listeningMs" | "readyMs" | "token" | "dataDir">,
    ending: AsyncDisposableStack,
  ) {
    this.#server = server;
    this.#env = env;
    this.#ending = ending;
    this.listeningMs = told.listeningMs;
    this.readyMs = told.readyMs;
    this.token = told.token;
    this.dataDir = told.dataDir;
  }

  /**
   * Starts the service, on an empty folder unless one is given, and returns once it is healthy.
   * @throws Error it does not start, or no token could be made
   */
  static async start(options: StartOptions): Promise<Service> {
    const { folder, signal, dataDir: given, env: wished, launcher = [], startMsMax } = options;
    const home = await mkdtemp(join(folder, "service-"));
    await using ending = new AsyncDisposableStack();
    ending.defer(() => rm(home, { recursive: true, force: true }));
    const dataDir = given ?? join(home, "data");
    await mkdir(dataDir, { recursive: true });
    const env = { ...serviceEnvironment(dataDir), ...wished };

    const startedMs = performance.now();
    const command = [...launcher, process.execPath, "--no-orphans", cliPath, "serve"];
    const logPath = join(home, "service.log");
    const server = ending.use(await ServerProcess.start({ command, env, logPath, signal, startMsMax }));
    const listeningMs = performance.now() - startedMs;
    await healthy(server, signal);
    const readyMs = performance.now() - startedMs;

    const token = await makeToken(env);
    return new Service({ server, env }, { listeningMs, readyMs, token, dataDir }, ending.move());
  }

  /** Where it listens: `http://HOST:PORT`. */
  get url(): string {
    return this.#server.url;
  }

  /** Its process id. */
  get pid(): number {
    return this.#server.pid;
  }

  /** The end of what it printed. */
  get logTail(): string {
    return this.#server.logTail;
  }

  /**
   * Makes a token with this scope only, such as `query`.
   * @throws Error the command line gives none
   */
  tokenFor(scope: string): Promise<string> {
    return makeToken(this.#env, ["--scope", scope]);
  }

  /**
   * Returns its stats now.
   * @throws Error it does not answer 200
   */
  async stats(): Promise<Stats> {
    const headers = { authorization: `Bearer ${this.token}` };
    const signal = AbortSignal.timeout(answerMsMax);
    const answer = await fetch(`${this.url}/api/v1/analytics/stats`, { headers, signal });
    if (!answer.ok) throw new Error(`stats answered ${answer.status}: ${await answer.text()}`);
    return readStats(await answer.json());
  }

  /**
   * Returns a function that looks up a metric by its full name, `millrace_segments{shard="all"}`, and throws if there
   * is none.
   * @throws Error it does not answer 200
   */
  async metrics(): Promise<(name: string) => number> {
    const answer = await fetch(`${this.url}/metrics`, { signal: AbortSignal.timeout(answerMsMax) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`metrics answered ${answer.status}: ${text}`);
    return (name) => readMetric(text, name);
  }

  /** Explains a failed request: says that the service ended, if it did; otherwise returns the error itself. */
  explain(error: unknown): Promise<unknown> {
    return this.#server.explain(error);
  }

  /**
   * Ends it by SIGTERM, so that all it acknowledged is sealed. Its folder stays until the scope is left.
   * @throws Error it does not end by itself with code 0
   */
  stop(): Promise<void> {
    return this.#server.stop();
  }

  /** Ends it by SIGKILL, as a crash would, and waits until it has ended. Its folder stays until the scope is left. */
  async kill(): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }

  /** Kills it if it still runs, and removes its folder unless the caller gave it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ending.disposeAsync();
  }
}

/** Time and memory of a command. */
export interface CommandCost {
  /** From its start to its end. */
  readonly seconds: number;
  /** Most resident memory of the largest of its processes. MB, of a million bytes. */
  readonly memoryPeakMB: number;
}

/**
 * Runs `millrace compact` on a folder that nobody serves.
 * @throws Error it does not end with 0
 */
export async function compactFolder(dataDir: string, signal: AbortSignal): Promise<CommandCost> {
  const command = [process.execPath, "--no-orphans", cliPath, "compact"];
  const env = { ...serviceEnvironment(dataDir), MILLRACE_GRACE_SECONDS: "0" };
  const startedMs = performance.now();
  const run = Bun.spawn(command, { env, stdin: "ignore", stdout: "pipe", stderr: "pipe", signal });
  const [told, complaint] = await Promise.all([run.stdout.text(), run.stderr.text(), run.exited]);
  const seconds = (performance.now() - startedMs) / 1e3;
  signal.throwIfAborted();
  if (run.exitCode !== 0) throw new Error(`not compacted: ${complaint}${told}`);
  // The kernel reports the larger of the process itself and the processes that it waited for.
  return { seconds, memoryPeakMB: (run.resourceUsage()?.maxRSS ?? Number.NaN) / 1e6 };
}

/**
 * Reads one number out of metrics in Prometheus' text format.
 * @throws Error there is no metric of that name
 */
export function readMetric(text: string, name: string): number {
  const line = text.split("\n").find((candidate) => candidate.startsWith(`${name} `));
  if (line === undefined) throw new Error(`no metric ${name}`);
  return Number(line.slice(name.length + 1));
}

/** Reads what the benchmark needs from the body of a stats answer. */
export function readStats(body: unknown): Stats {
  const status = field(body, "buffer_status");
  const totalEvents = field(body, "total_events");
  const eventsPending = field(status, "events_pending");
  if (typeof totalEvents !== "number" || typeof eventsPending !== "number") {
    throw new Error(`not the stats of the reference: ${JSON.stringify(body)}`);
  }
  return { totalEvents, eventsPending };
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;
}

/**
 * The start command's variables and the caller's environment, without the service's variables, and with durable
 * acknowledgement set explicitly.
 */
function serviceEnvironment(dataDir: string): Record<string, string | undefined> {
  const foreign = Object.entries(process.env).filter(([name]) => !name.startsWith("MILLRACE_"));
  return {
    ...startVariables,
    ...Object.fromEntries(foreign),
    HOST: "127.0.0.1",
    PORT: "0",
    MILLRACE_DATA_DIR: dataDir,
    MILLRACE_ACK: "durable",
  };
}

async function healthy(server: ServerProcess, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + answerMsMax;
  for (;;) {
    const answer = await fetch(`${server.url}/api/v1/analytics/health`, { signal: AbortSignal.timeout(answerMsMax) });
    const body = await answer.text();
    if (answer.ok) return;
    signal.throwIfAborted();
    if (performance.now() > deadline) throw new Error(`never healthy: ${answer.status} ${body}\n${server.logTail}`);
    await Bun.sleep(5);
  }
}

async function makeToken(env: Record<string, string | undefined>, scope: readonly string[] = []): Promise<string> {
  const command = [process.execPath, cliPath, "token", "--subject", "bench", ...scope];
  const made = Bun.spawn(command, { env, stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: answerMsMax });
  const [token, complaint] = await Promise.all([made.stdout.text(), made.stderr.text(), made.exited]);
  if (made.exitCode !== 0) throw new Error(`no token: ${complaint}${token}`);
  return token.trim();
}
