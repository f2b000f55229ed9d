/** Runs `wrk`, which takes a quarter of a core where a generator in JavaScript takes a whole one and so flatters the share. */
import { fileURLToPath } from "node:url";

/** One run of the load generator. */
export interface Load {
  /** Whole address to post to. */
  readonly url: string;
  /** Sent as a bearer token; the floor gets one too, so that requests are the same length. */
  readonly token: string;
  /** How many requests wait for their answers at any time. */
  readonly connections: number;
  /** How long new requests are sent. */
  readonly seconds: number;
  /** File of bodies, one a line. */
  readonly bodiesPath: string;
  /** Twelve hexadecimal digits, different in each run: part of the ids that clients make. */
  readonly runTag: string;
  /** A Lua script in the place of `ingest.lua`, for a side that does not take its bodies as they lie in the file. */
  readonly scriptPath?: string;
}

/** What one run saw. Latencies are wrk's own, corrected by it for requests that it had no connection free to send. */
export interface LoadResult {
  /** Answers of 2xx. */
  readonly acknowledged: number;
  /** Answers of 4xx and 5xx. */
  readonly refused: number;
  /** Connections that failed; a request on each may have been stored without an answer. */
  readonly socketErrors: number;
  /** Answers that took longer than `answerSecondsMax`; they are among the acknowledged too. */
  readonly timeouts: number;
  /** Acknowledged requests a second. */
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** Processor time of the load generator, user and system. */
  readonly cpuSeconds: number;
}

/** The load generator is not installed. */
export class WrkMissing extends Error {
  override readonly name = "WrkMissing";

  constructor() {
    super("wrk is not installed, and the load is made by it. On Debian or Ubuntu: apt-get install wrk");
  }
}

const scriptPath = fileURLToPath(new URL("./ingest.lua", import.meta.url));

/** Latencies past it are counted, not measured. Past anything that a working server shows. */
const answerSecondsMax = 10;

/** Its own start and end, on a machine that is busy. */
const wrkExtraSeconds = 20;

/**
 * Finds the load generator.
 * @throws WrkMissing
 */
export function findWrk(): string {
  const path = Bun.which("wrk");
  if (path === null) throw new WrkMissing();
  return path;
}

/**
 * Puts the load on a server until its time is over.
 * @throws Error it failed, or `signal` ended it
 */
export async function runWrk(wrkPath: string, load: Load, signal: AbortSignal): Promise<LoadResult> {
  signal.throwIfAborted();
  const wrk = Bun.spawn([wrkPath, ...wrkArguments(load)], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: (load.seconds + wrkExtraSeconds) * 1_000,
    signal,
  });
  const [printed, complaint] = await Promise.all([wrk.stdout.text(), wrk.stderr.text(), wrk.exited]);
  signal.throwIfAborted();
  if (wrk.exitCode !== 0) throw new Error(`wrk ended with ${wrk.exitCode ?? wrk.signalCode}: ${complaint}${printed}`);
  return { ...parseWrk(printed), cpuSeconds: Number(wrk.resourceUsage()?.cpuTime.total ?? 0) / 1e6 };
}

/**
 * Reads the line that `ingest.lua` prints at the end.
 * @throws Error there is no such line
 */
export function parseWrk(printed: string): Omit<LoadResult, "cpuSeconds"> {
  const line = printed.split("\n").findLast((candidate) => candidate.startsWith('{"answered":'));
  if (line === undefined) throw new Error(`wrk printed no result: ${printed}`);
  const told = new Map<string, unknown>(Object.entries(JSON.parse(line)));
  const number = (name: string): number => {
    const value = told.get(name);
    if (typeof value !== "number") throw new Error(`wrk's result has no number "${name}": ${line}`);
    return value;
  };
  const acknowledged = number("answered") - number("refused");
  return {
    acknowledged,
    refused: number("refused"),
    socketErrors: number("socketErrors"),
    timeouts: number("timeouts"),
    requestsPerSecond: acknowledged / (number("microseconds") / 1e6),
    p50Ms: number("p50Us") / 1e3,
    p99Ms: number("p99Us") / 1e3,
    p999Ms: number("p999Us") / 1e3,
  };
}

/** One thread: it sends 120,000 requests a second to a floor that has one thread too. */
function wrkArguments(load: Load): string[] {
  const header = (name: string, value: string) => ["--header", `${name}: ${value}`];
  return [
    ...["--threads", "1", "--connections", `${load.connections}`, "--duration", `${load.seconds}s`],
    ...["--timeout", `${answerSecondsMax}s`, "--latency", "--script", load.scriptPath ?? scriptPath],
    ...header("Content-Type", "application/json"),
    ...header("Authorization", `Bearer ${load.token}`),
    ...[load.url, "--", load.bodiesPath, load.runTag],
  ];
}
