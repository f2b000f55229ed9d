/**
 * Runs `wrk`, which takes a quarter of a core. A generator in JavaScript takes a whole core, which makes the share look
 * better than it is.
 */
import { fileURLToPath } from "node:url";

/** One run of the load generator. */
export interface Load {
  /** Whole address to post to. */
  readonly url: string;
  /** Sent as a bearer token; the floor gets one too, so that requests are the same length. */
  readonly token: string;
  /** Requests in flight at any time. */
  readonly connections: number;
  /** How long new requests are sent. */
  readonly seconds: number;
  /** File of bodies, one a line. */
  readonly bodiesPath: string;
  /** `hex`: each line is a body in hexadecimal digits, for bodies that contain line breaks. Default: `plain`. */
  readonly bodiesForm?: "plain" | "hex";
  /** Beside the content type and the token, the same in each request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Sends earlier requests again, with the same ids. Default: never. */
  readonly repeats?: Repeats;
  /** Twelve hexadecimal digits, different in each run: part of the ids that clients make. */
  readonly runTag: string;
  /** A Lua script instead of `ingest.lua`, for a side that does not take the bodies as they are in the file. */
  readonly scriptPath?: string;
}

/**
 * Which requests are sent again. Their bodies need places for the client's ids, otherwise a resent event is a new one.
 */
export interface Repeats {
  /** One request in this many was sent before; 2 or more. */
  readonly every: number;
  /** How many requests back the repeated one may lie; evenly spread. */
  readonly within: number;
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
  /** New requests that were made, answered or not. One more than were sent: wrk makes one to test the script. */
  readonly made: number;
  /** Requests that were sent again. */
  readonly repeated: number;
  /** How long requests were sent. */
  readonly seconds: number;
  /** Acknowledged requests a second. */
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly longestMs: number;
  /** Percentile, above 0 and below 100, then milliseconds; in rising order. */
  readonly percentiles: readonly (readonly [number, number])[];
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

/** Longer latencies are counted, not measured. No working server is this slow. */
const answerSecondsMax = 10;

/** Time for its own start and end on a busy machine. */
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
 * Parses the line that `ingest.lua` prints at the end.
 * @throws Error there is no such line, or something is missing in it
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
  const latencies = readLatencies(told.get("latencyUs"));
  const latency = (percentile: number): number => {
    const found = latencies.get(percentile);
    if (found === undefined) throw new Error(`wrk's result has no latency of percentile ${percentile}: ${line}`);
    return found;
  };
  const acknowledged = number("answered") - number("refused");
  const seconds = number("microseconds") / 1e6;
  return {
    acknowledged,
    refused: number("refused"),
    socketErrors: number("socketErrors"),
    timeouts: number("timeouts"),
    made: number("made"),
    repeated: number("repeated"),
    seconds,
    requestsPerSecond: acknowledged / seconds,
    p50Ms: latency(50),
    p99Ms: latency(99),
    p999Ms: latency(99.9),
    longestMs: latency(100),
    percentiles: [...latencies].filter(([percentile]) => percentile < 100),
  };
}

/** Milliseconds by percentile, out of pairs of a percentile and microseconds. */
function readLatencies(pairs: unknown): Map<number, number> {
  const latencies = new Map<number, number>();
  for (const pair of Array.isArray(pairs) ? pairs : []) {
    const [percentile, microseconds]: unknown[] = Array.isArray(pair) ? pair : [];
    if (typeof percentile === "number" && typeof microseconds === "number")
      latencies.set(percentile, microseconds / 1e3);
  }
  return latencies;
}

/** One thread: it sends 120,000 requests a second to a floor that has one thread too. */
function wrkArguments(load: Load): string[] {
  const header = (name: string, value: string) => ["--header", `${name}: ${value}`];
  return [
    ...["--threads", "1", "--connections", `${load.connections}`, "--duration", `${load.seconds}s`],
    ...["--timeout", `${answerSecondsMax}s`, "--latency", "--script", load.scriptPath ?? scriptPath],
    ...header("Content-Type", "application/json"),
    ...header("Authorization", `Bearer ${load.token}`),
    ...Object.entries(load.headers ?? {}).flatMap(([name, value]) => header(name, value)),
    ...[load.url, "--", load.bodiesPath, load.runTag, load.bodiesForm ?? "plain"],
    ...[`${load.repeats?.every ?? 0}`, `${load.repeats?.within ?? 0}`],
  ];
}
