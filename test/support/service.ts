/** The real service as a child process: its own port, its own folder, its own secret, spoken to over sockets. */
import { afterAll, beforeAll } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type BatchAnswer,
  batchAnswer,
  type StatsAnswer,
  shaped,
  statsAnswer,
  type TrackAnswer,
  trackAnswer,
} from "./answers.ts";
import { queryFile, type Row, single } from "./catalog.ts";
import { filesUnder } from "./folders.ts";
import { ended, entryPath, type Started, spawn } from "./process.ts";
import { drawsFactor } from "./random.ts";
import type { ReadAnswer } from "./refusals.ts";
import { nowSeconds, signToken } from "./tokens.ts";
import { patience, until } from "./until.ts";

/**
 * For `setDefaultTimeout` at the head of each file: a start may take 20 s and a stop 10 s before the test itself is to
 * tell what was wrong. Bun 1.4.5 ignores bunfig's `timeout`, and sets a default for one file at a time. Milliseconds.
 */
export const testMsMax = 60_000 * patience * drawsFactor;

/** A request that is not answered by then fails. Milliseconds. */
const requestMsMax = 30_000 * patience;

/** The reference's paths. */
export const paths = {
  track: "/api/v1/analytics",
  batch: "/api/v1/analytics/batch",
  stats: "/api/v1/analytics/stats",
  health: "/api/v1/analytics/health",
} as const;

/** How to start a service. */
export interface ServiceOptions {
  /** Over the defaults of the tests; `undefined` takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** A folder that the caller owns; without it, a new one that goes with the service. */
  readonly dataDir?: string;
  /** How long the tokens of its own requests are good for. Default: an hour. */
  readonly tokenSeconds?: number;
  /** A command in front, such as strace's; the process it starts must become the service. */
  readonly wrapper?: readonly string[];
}

/** A request, where `track` and `batch` are too kind. */
export interface RequestOptions {
  readonly method?: string;
  readonly body?: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: one that may write and read; null sends none. */
  readonly token?: string | null;
  /** Default 30 s; then it fails. */
  readonly limitMs?: number;
}

/** An answer other than the one that a kind method expects. */
export class RequestRefused extends Error implements ReadAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;

  constructor({ status, headers, text }: ReadAnswer) {
    super(`answered ${status}: ${text.slice(0, 2000)}`);
    this.status = status;
    this.headers = headers;
    this.text = text;
  }
}

/** Starts a service and waits until it listens. */
export async function startService(options: ServiceOptions = {}): Promise<Service> {
  const service = new Service(options);
  try {
    await service.restart();
  } catch (error) {
    await service[Symbol.asyncDispose]();
    throw error;
  }
  return service;
}

/** One service for all tests of a file: started before them, ended after. */
export function sharedService(options: ServiceOptions = {}): () => Service {
  let service: Service | undefined;
  beforeAll(async () => {
    service = await startService(options);
  });
  afterAll(async () => service?.[Symbol.asyncDispose]());
  return () => {
    if (service === undefined) throw new Error("the file's service did not start");
    return service;
  };
}

/** A service and its folder, across as many processes as a test starts on it. */
export class Service implements AsyncDisposable {
  readonly dataDir: string;
  readonly secret: string;
  readonly #options: ServiceOptions;
  #started: Started | undefined;
  #url = "";
  #token = "";

  constructor(options: ServiceOptions) {
    this.#options = options;
    this.dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "millrace-test-"));
    this.secret = options.env?.["MILLRACE_JWT_SECRET"] ?? randomBytes(32).toString("hex");
  }

  /** `http://HOST:PORT` as the service printed it. */
  get url(): string {
    return this.#url;
  }

  get pid(): number {
    return this.#running().child.pid;
  }

  get stdout(): string {
    return this.#running().stdout.text;
  }

  get stderr(): string {
    return this.#running().stderr.text;
  }

  /** Whether its process has not ended. */
  get isRunning(): boolean {
    return !ended(this.#running());
  }

  /** Resident memory of the process, bytes. */
  get residentBytes(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    return Number(status.match(/^VmRSS:\s+(\d+) kB$/m)?.[1]) * 1024;
  }

  /** Starts a process on the same folder, ending the one before by SIGTERM if it still runs. */
  async restart(change: { readonly wrapper?: readonly string[] } = {}): Promise<void> {
    if (this.#started !== undefined && !ended(this.#started)) await this.stop();
    const wrapper = change.wrapper ?? (this.#started === undefined ? (this.#options.wrapper ?? []) : []);
    const started = this.#spawn(wrapper);
    this.#url = await until(() => started.stdout.text.match(/^listening on (http:\/\/\S+)$/m)?.[1] ?? gone(started), {
      what: "the line `listening on http://HOST:PORT`",
      limitMs: 20_000,
      everyMs: 5,
      state: () => `stdout: ${started.stdout.text}\nstderr: ${started.stderr.text.slice(-4000)}`,
    });
    const { tokenSeconds } = this.#options;
    this.#token = this.token(tokenSeconds === undefined ? {} : { ttlSeconds: tokenSeconds });
  }

  /** Starts a process on the same folder and kills it after `afterMs`, most likely before it listens. */
  async startAndKill(options: { readonly afterMs: number }): Promise<void> {
    this.#spawn([]);
    await Bun.sleep(options.afterMs);
    await this.kill9();
  }

  /** Sends a signal and goes on. */
  signal(signal: NodeJS.Signals): void {
    this.#running().child.kill(signal);
  }

  /**
   * Sends `signal` and waits for the end. Returns the exit code; null: it ended by the signal itself.
   * @throws Error if it does not end within 15 s, times `patience`
   */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    this.signal(signal);
    return await this.exited();
  }

  /** Waits for the end and returns the exit code; null: it ended by a signal. */
  async exited(): Promise<number | null> {
    const started = this.#running();
    await until(() => ended(started), {
      what: "the end of the service",
      limitMs: 15_000,
      state: () => `stderr: ${started.stderr.text.slice(-4000)}`,
    });
    await Promise.all([started.stdout.ended, started.stderr.ended]);
    return started.child.exitCode;
  }

  /** SIGKILL, as the machine's last word. */
  async kill9(): Promise<void> {
    const { child } = this.#running();
    child.kill("SIGKILL");
    await child.exited;
  }

  /** A token of this service. Default: subject `tester`, no `scope` claim, an hour. */
  token(options: { readonly subject?: string; readonly scope?: string; readonly ttlSeconds?: number }): string {
    const iat = nowSeconds();
    const scope = options.scope === undefined ? {} : { scope: options.scope };
    const claims = { sub: options.subject ?? "tester", iat, exp: iat + (options.ttlSeconds ?? 3600), ...scope };
    return signToken({ claims, secret: this.secret });
  }

  /** One request. Nothing is thrown for a status; an answer that never comes fails. */
  async request(path: string, options: RequestOptions = {}): Promise<Response> {
    const token = options.token === undefined ? this.#token : options.token;
    return await fetch(this.#url + path, {
      method: options.method ?? (options.body === undefined ? "GET" : "POST"),
      headers: {
        ...(options.body === undefined ? {} : { "content-type": "application/json" }),
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...options.headers,
      },
      ...(options.body === undefined ? {} : { body: options.body }),
      signal: AbortSignal.timeout(options.limitMs ?? requestMsMax),
    });
  }

  /** Posts a value, or text that is JSON (or not) already. */
  async post(path: string, body: object | string): Promise<Response> {
    return await this.request(path, { body: typeof body === "string" ? body : JSON.stringify(body) });
  }

  /** @throws RequestRefused for any answer but 200 */
  async track(event: object | string): Promise<TrackAnswer> {
    return shaped(trackAnswer, JSON.parse(await accepted(await this.post(paths.track, event))));
  }

  /** @throws RequestRefused for any answer but 200 */
  async batch(events: readonly object[], clientId?: string | null): Promise<BatchAnswer> {
    const body = clientId === undefined ? { events } : { events, client_id: clientId };
    return shaped(batchAnswer, JSON.parse(await accepted(await this.post(paths.batch, body))));
  }

  /** The stats, proven to have the contract's shape. */
  async stats(): Promise<StatsAnswer> {
    return shaped(statsAnswer, JSON.parse(await accepted(await this.request(paths.stats))));
  }

  /** Health as anyone may ask for it: without a token. */
  async health(): Promise<Response> {
    return await this.request(paths.health, { token: null });
  }

  /** The page of metrics. */
  async metricsText(): Promise<string> {
    return await accepted(await this.request("/metrics"));
  }

  get catalogPath(): string {
    return join(this.dataDir, "millrace.duckdb");
  }

  /** Sealed segments, as paths. */
  segmentPaths(): string[] {
    return filesUnder(join(this.dataDir, "segments")).filter((path) => path.endsWith(".duckdb"));
  }

  /** Files of the journal that hold anything, largest first. */
  journalPaths(): string[] {
    const sizes = filesUnder(join(this.dataDir, "journal")).map((path) => ({
      path,
      // A flush may have removed it since it was listed.
      bytes: statSync(path, { throwIfNoEntry: false })?.size ?? 0,
    }));
    return sizes
      .filter(({ bytes }) => bytes > 0)
      .sort((a, b) => b.bytes - a.bytes)
      .map(({ path }) => path);
  }

  /** Asks the catalog, as another process may at any time. */
  async rows(sql: string): Promise<Row[]> {
    return await queryFile(this.catalogPath, sql);
  }

  /** Rows in the catalog's `events`, or those that `where` keeps. */
  async count(where = "true"): Promise<number> {
    return single(await this.rows(`SELECT count(*) FROM events WHERE ${where}`));
  }

  /** Waits until nothing is pending and the catalog shows as many events as the stats tell. */
  async waitSealed(limitMs = 15_000): Promise<void> {
    let state = "";
    let counted = "";
    await until(
      async () => {
        const { total_events, buffer_status } = await this.stats();
        state = `${buffer_status.events_pending} of ${total_events} pending`;
        if (buffer_status.events_pending > 0) return false;
        // A catalog never changes, so each is counted once. Asking DuckDB takes more of a core than all else here.
        const { ino, mtimeNs } = statSync(this.catalogPath, { bigint: true });
        const catalog = `${ino} ${mtimeNs} ${total_events}`;
        if (catalog === counted) return false;
        const inCatalog = await this.count();
        state = `${total_events} in stats, ${inCatalog} in the catalog`;
        counted = catalog;
        return inCatalog === total_events;
      },
      { what: "everything to be sealed and in the catalog", limitMs, everyMs: 50, state: () => state },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#started !== undefined && !ended(this.#started)) await this.kill9();
    if (this.#options.dataDir === undefined) rmSync(this.dataDir, { recursive: true, force: true });
  }

  #spawn(wrapper: readonly string[]): Started {
    // --no-orphans, as package.json's own scripts have it: the service ends with the run that started it.
    this.#started = spawn([...wrapper, process.execPath, "--no-orphans", entryPath, "serve"], {
      env: {
        PORT: "0",
        MILLRACE_DATA_DIR: this.dataDir,
        MILLRACE_JWT_SECRET: this.secret,
        // A fifth of a second, so that a test that waits for a flush waits briefly.
        MILLRACE_FLUSH_INTERVAL_SECONDS: "0.2",
        MILLRACE_LOG: "warn",
        ...this.#options.env,
      },
    });
    return this.#started;
  }

  #running(): Started {
    if (this.#started === undefined) throw new Error("the service was not started");
    return this.#started;
  }
}

/**
 * The body of a 200.
 * @throws RequestRefused for any other
 */
async function accepted(response: Response): Promise<string> {
  const { status, headers } = response;
  const text = await response.text();
  if (status !== 200) throw new RequestRefused({ status, headers, text });
  return text;
}

/** Ends the wait for a line that a dead process will not print. */
function gone(started: Started): undefined {
  if (!ended(started)) return undefined;
  const { child, stdout, stderr } = started;
  throw new Error(
    `the service ended with ${child.exitCode ?? child.signalCode} before it listened\n${stdout.text}\n${stderr.text}`,
  );
}
