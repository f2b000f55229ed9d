/**
 * Puts a load at a fixed rate on a server, whatever the answers. The generator is a separate process, so that nothing
 * else delays its clock. It runs on Bun and takes more processor time than `wrk`; it reports how much, and how late it
 * was, and its result warns of both.
 */
import { fileURLToPath } from "node:url";
import { Value } from "@sinclair/typebox/value";
import type { Histogram } from "hdr-histogram-js";
import { type Order, type Report, reportSchema } from "./generator-protocol.ts";
import { atPercentile, unpackHistogram } from "./latency.ts";

/** One load. */
export type OpenLoad = {
  /** Whole address to post to. */
  url: string;
  /** Sent as a bearer token. */
  token: string;
  /** File of bodies, one a line. */
  bodiesPath: string;
  /** Twelve hexadecimal digits, different in each run: part of the ids that clients make. */
  runTag: string;
  /** Requests a second. */
  perSecond: number;
  seconds: number;
  /** Enough connections that no request waits for one while the server keeps up. */
  connections: number;
  /** The same seed makes the same times. */
  seed: number;
};

/** Latencies of one kind of answer. */
export type Latencies = {
  /** From when the request was meant to be sent: what a client sees. */
  fromIntended: Histogram;
  /** From when it was written to a connection: what the server took. */
  fromSent: Histogram;
};

/** What one load saw. Counts of requests. */
export type OpenLoopResult = Omit<Report, "accepts" | "refusals" | "sendLag"> & {
  accepts: Latencies;
  refusals: Latencies;
  sendLag: Histogram;
  /**
   * Accepted requests a second, from the first one due to the end of the schedule or the last answer, whichever is
   * later.
   */
  acceptedPerSecond: number;
  /** Warnings about the generator. */
  warnings: string[];
};

const generatorPath = fileURLToPath(new URL("./generator.ts", import.meta.url));

/**
 * A client that has waited this long has given up: requests that would wait longer for a connection are dropped and
 * counted. s
 */
const queueSecondsMax = 5;

/** How long to wait for answers after the last request: longer than a working server takes. s */
const drainSeconds = 10;

/** Time for its start, its connections and its end on a busy machine. s */
const extraSeconds = 30;

/** Above this the generator has no room for a burst, and its measurements include its own queue. Share of a core. */
const generatorShareMax = 0.8;

/** Twice the timer's millisecond: a longer delay is not due to the timer. ms */
const sendLagMsMax = 2;

/**
 * Puts the load on a server and waits for the last answers.
 * @throws Error the generator failed, or `signal` ended it
 */
export async function runOpenLoop(load: OpenLoad, signal: AbortSignal): Promise<OpenLoopResult> {
  signal.throwIfAborted();
  const generator = Bun.spawn([process.execPath, "--no-orphans", generatorPath], {
    stdin: new Blob([JSON.stringify(orderOf(load))]),
    stdout: "pipe",
    stderr: "pipe",
    timeout: (load.seconds + drainSeconds + extraSeconds) * 1e3,
    signal,
  });
  const [printed, complaint] = await Promise.all([generator.stdout.text(), generator.stderr.text(), generator.exited]);
  signal.throwIfAborted();
  if (generator.exitCode !== 0) {
    throw new Error(`the generator ended with ${generator.exitCode ?? generator.signalCode}: ${complaint}${printed}`);
  }
  return resultOf(parseReport(printed), load);
}

/**
 * Parses what the generator prints.
 * @throws Error it is not a report
 */
export function parseReport(printed: string): Report {
  const report: unknown = JSON.parse(printed);
  if (!Value.Check(reportSchema, report)) throw new Error(`not the report of a generator: ${printed}`);
  return report;
}

/** Unpacks a report, with warnings about what makes it doubtful. */
export function resultOf(report: Report, load: Pick<OpenLoad, "perSecond" | "seconds">): OpenLoopResult {
  const unpacked = (pair: Report["accepts"]): Latencies => ({
    fromIntended: unpackHistogram(pair.fromIntended),
    fromSent: unpackHistogram(pair.fromSent),
  });
  const sendLag = unpackHistogram(report.sendLag);
  return {
    ...report,
    accepts: unpacked(report.accepts),
    refusals: unpacked(report.refusals),
    sendLag,
    acceptedPerSecond: report.accepted / Math.max(load.seconds, report.wallSeconds),
    warnings: warningsOf(report, { sendLagMs: atPercentile(sendLag, 99), perSecond: load.perSecond }),
  };
}

function warningsOf(report: Report, { sendLagMs, perSecond }: { sendLagMs: number; perSecond: number }): string[] {
  const at = `at ${Math.round(perSecond).toLocaleString("en-US")} requests/s`;
  const share = report.cpuSeconds / report.wallSeconds;
  const warnings: string[] = [];
  if (share > generatorShareMax) {
    warnings.push(`${at} the generator took ${Math.round(share * 100)} % of a core: its own delay is in the latencies`);
  }
  if (sendLagMs > sendLagMsMax) {
    warnings.push(`${at} the generator sent late: p99 of ${sendLagMs.toFixed(1)} ms, which is in the latencies`);
  }
  if (report.dropped > 0) {
    warnings.push(
      `${at} ${report.dropped} of ${report.due} requests were never sent: too many waited for a connection`,
    );
  }
  if (report.unsent > 0) warnings.push(`${at} ${report.unsent} requests found no free connection to the end`);
  if (report.other > 0) warnings.push(`${at} ${report.other} answers were neither accepted nor refused for now`);
  if (report.broken > 0) warnings.push(`${at} ${report.broken} requests went down with their connection`);
  if (report.unanswered > 0) warnings.push(`${at} ${report.unanswered} requests were not answered at all`);
  return warnings;
}

function orderOf({ url, ...load }: OpenLoad): Order {
  const { hostname, port, pathname } = new URL(url);
  const queueMax = Math.ceil(load.perSecond * queueSecondsMax);
  return { ...load, hostname, port: Number(port), path: pathname, queueMax, drainSeconds };
}
