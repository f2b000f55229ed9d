/**
 * Puts a load at a fixed rate on a server, whatever the answers. The generator is a program of its own
 * (`native/open-loop.c`), so that nothing else delays its clock. It reports how much processor time it took and how
 * late it was, and its result warns of both.
 */
import { Value } from "@sinclair/typebox/value";
import type { Histogram } from "hdr-histogram-js";
import { atPercentile, histogramOf } from "./latency.ts";
import { compileNative, runNative } from "./native.ts";
import { type Report, reportSchema } from "./open-loop-report.ts";

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
  /** Without the warm-up. */
  seconds: number;
  /** How long the same load lasts before anything is measured. Default: not at all. */
  warmUpSeconds?: number;
  /** Enough connections that no request waits for one while the server keeps up. */
  connections: number;
  /** The same seed makes the same times. */
  seed: number;
  /** Length of a part of the course. Default: a second. */
  sliceSeconds?: number;
};

/** Latencies of one kind of answer. */
export type Latencies = {
  /** From when the request was meant to be sent: what a client sees. */
  fromIntended: Histogram;
  /** From when it was written to a connection: what the server took. */
  fromSent: Histogram;
};

/** What one load saw. Counts of requests, of the warm-up only in `warmUp`. */
export type OpenLoopResult = Pick<Report, "cpuSeconds" | "wallSeconds" | "course"> &
  Omit<Report["measured"], "statuses"> & {
    /** Answered 2xx. */
    accepted: number;
    /** Answered 503. */
    unavailable: number;
    /** Answered 429. */
    limited: number;
    /** Answered with anything else. */
    other: number;
    /** For the audit: what the warm-up got accepted, and what of it may be stored without an answer. */
    warmUp: { accepted: number; unansweredMax: number };
    accepts: Latencies;
    refusals: Latencies;
    sendLag: Histogram;
    /**
     * Accepted requests a second, from the end of the warm-up to the end of the schedule or the last answer, whichever
     * is later.
     */
    acceptedPerSecond: number;
    /** Warnings about the generator. */
    warnings: string[];
  };

/**
 * A client that has waited this long has given up: requests that would wait longer for a connection are dropped and
 * counted. s
 */
const queueSeconds = 5;

/** How long to wait for answers after the last request: longer than a working server takes. s */
const drainSeconds = 10;

/** Time for its start, its connections and its end on a busy machine. s */
const extraSeconds = 30;

/** Above this the generator has no room for a burst, and its measurements include its own queue. Share of a core. */
const generatorShareMax = 0.8;

/** A later generator would be a part of what it measures: the tightest goal is half of this. ms */
const sendLagMsMax = 1;

/**
 * Puts the load on a server and waits for the last answers. The generator is compiled into `folder` at its first use.
 * @throws CompilerMissing
 * @throws Error the generator failed, or `signal` ended it
 */
export async function runOpenLoop(
  load: OpenLoad,
  { folder, signal }: { folder: string; signal: AbortSignal },
): Promise<OpenLoopResult> {
  signal.throwIfAborted();
  const programPath = await compileNative("open-loop", { folder, signal });
  const { url, warmUpSeconds = 0, sliceSeconds = 1, ...rest } = load;
  const { hostname, port, pathname } = new URL(url);
  const order = { ...rest, hostname, port, path: pathname, warmUpSeconds, sliceSeconds, queueSeconds, drainSeconds };
  const secondsMax = warmUpSeconds + load.seconds + drainSeconds + extraSeconds;
  const { printed } = await runNative(programPath, order, { secondsMax, signal });
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

/** Makes a result of a report, with warnings about what makes it doubtful. */
export function resultOf(report: Report, load: Pick<OpenLoad, "perSecond" | "seconds">): OpenLoopResult {
  const latencies = (pair: Report["accepts"]): Latencies => ({
    fromIntended: histogramOf(pair.fromIntended),
    fromSent: histogramOf(pair.fromSent),
  });
  const { statuses, ...counts } = report.measured;
  const answers = answersOf(statuses);
  const { cpuSeconds, wallSeconds, course } = report;
  const found = {
    ...{ ...counts, ...answers, cpuSeconds, wallSeconds, course },
    warmUp: {
      accepted: answersOf(report.warmUp.statuses).accepted,
      unansweredMax: report.warmUp.broken + report.warmUp.unanswered,
    },
    accepts: latencies(report.accepts),
    refusals: latencies(report.refusals),
    sendLag: histogramOf(report.sendLag),
    acceptedPerSecond: answers.accepted / Math.max(load.seconds, wallSeconds),
  };
  return { ...found, warnings: warningsOf(found, load) };
}

function answersOf(statuses: Report["measured"]["statuses"]) {
  const sum = (isMeant: (status: number) => boolean) =>
    statuses.reduce((total, [status, count]) => total + (isMeant(status) ? count : 0), 0);
  const accepted = sum((status) => status >= 200 && status < 300);
  const [unavailable, limited] = [sum((status) => status === 503), sum((status) => status === 429)];
  return { accepted, unavailable, limited, other: sum(() => true) - accepted - unavailable - limited };
}

function warningsOf(found: Omit<OpenLoopResult, "warnings">, { perSecond }: Pick<OpenLoad, "perSecond">): string[] {
  const at = `at ${Math.round(perSecond).toLocaleString("en-US")} requests/s`;
  const share = found.cpuSeconds / found.wallSeconds;
  const sendLagMs = atPercentile(found.sendLag, 99);
  const { due, dropped, unsent, other, broken, unanswered } = found;
  const warnings: string[] = [];
  if (share > generatorShareMax)
    warnings.push(`${at} the generator took ${Math.round(share * 100)} % of a core: its own delay is in the latencies`);
  if (sendLagMs > sendLagMsMax)
    warnings.push(`${at} the generator sent late: p99 of ${sendLagMs.toFixed(1)} ms, which is in the latencies`);
  if (dropped > 0)
    warnings.push(`${at} ${dropped} of ${due} requests were never sent: too many waited for a connection`);
  if (unsent > 0) warnings.push(`${at} ${unsent} requests found no free connection to the end`);
  if (other > 0) warnings.push(`${at} ${other} answers were neither accepted nor refused for now`);
  if (broken > 0) warnings.push(`${at} ${broken} requests went down with their connection`);
  if (unanswered > 0) warnings.push(`${at} ${unanswered} requests were not answered at all`);
  return warnings;
}
