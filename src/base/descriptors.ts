/**
 * Descriptors of this process: how many it may have, and how some of them are kept for the disk whatever the number of
 * connections.
 *
 * The system gives out the lowest number that is free, below the soft limit. The service lowers that limit for all of
 * its threads, so that accepting ends there; what must be opened is opened under the hard limit, which is set for that
 * moment alone.
 */
import { openSync, readdirSync, readFileSync, statSync } from "node:fs";
import { isMainThread } from "node:worker_threads";
import { codeOf, messageOf } from "./errors.ts";
import { libc } from "./libc.ts";

/** How many descriptors there are: all of them, and those that anything may take. */
export type DescriptorBudget = { all: number; ordinary: number };

/**
 * Held open or opened at the same time by one shard: its journal, the id log or a folder being synced, and one to
 * spare.
 */
const keptPerShard = 3;

/** The disk's probe, and pipes to two processes that are started. */
const keptByAll = 8;

/**
 * What the runtime, the lock, the listener and the keeper's channel hold all the time, and each thread more (seen: 10,
 * and 3).
 */
const heldByAll = 12;
const heldPerThread = 3;

/** With fewer connections than this a service is of no use. */
const connectionsMin = 4;

/** Descriptors of each query that runs: three pipes and the process. */
const heldPerQuery = 4;

/** What decides how many descriptors a service needs beside its connections. */
export type DescriptorNeeds = { shards: number; httpThreads: number; queriesMax: number };

/** What is kept in this process, as this thread knows it. */
let budget: DescriptorBudget | undefined;

/** Most open files of this process at its start; undefined where the system does not tell. Infinity: no limit. */
export function descriptorLimit(): number | undefined {
  if (budget !== undefined) return budget.all;
  try {
    const soft = /^Max open files\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    if (soft === undefined) return undefined;
    return soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return undefined;
  }
}

/** Kept for the disk. */
const keptOf = ({ shards }: DescriptorNeeds) => keptByAll + keptPerShard * shards;

/** Descriptors that a service needs beside its connections. */
const neededOf = (needs: DescriptorNeeds) =>
  keptOf(needs) + heldByAll + heldPerThread * (needs.shards + needs.httpThreads - 1) + heldPerQuery * needs.queriesMax;

/** The smallest limit with which a service works at all. */
export const descriptorsMin = (needs: DescriptorNeeds): number => neededOf(needs) + connectionsMin;

/** Most connections that a limit allows. */
export const connectionsAllowed = (limit: number, needs: DescriptorNeeds): number => limit - neededOf(needs);

/**
 * Connections where nobody sets a bound. An eighth of the limit is room for those that come between two looks; a look
 * is every 100 ms.
 */
export const connectionsByDefault = (limit: number, needs: DescriptorNeeds): number =>
  Math.max(connectionsMin, connectionsAllowed(limit, needs) - Math.floor(limit / 8));

/** RLIMIT_NOFILE. */
const openFiles = 7;

/**
 * Keeps descriptors of this process for what `withKeptDescriptor` opens, once and for good; a second call gives what
 * the first one did. Undefined: the system has no such limits, or does not let them be set.
 */
export function keepDescriptors(needs: DescriptorNeeds): DescriptorBudget | undefined {
  if (budget !== undefined) return budget;
  const all = descriptorLimit();
  if (all === undefined || !Number.isFinite(all)) return undefined;
  const kept: DescriptorBudget = { all, ordinary: all - keptOf(needs) };
  if (!setSoftLimit(kept, kept.ordinary)) return undefined;
  budget = kept;
  return kept;
}

/** Tells this thread what the main thread keeps. */
export function shareDescriptors(kept: DescriptorBudget | undefined): void {
  budget = kept;
  // Now, while there is a descriptor to open the library with.
  if (kept !== undefined) libc();
}

/**
 * In the moment in which the limit is higher the accepting thread may take all that are kept, should this one just then
 * not have the processor. Connections past the bound are ended within a tenth of a second, so it is tried again for
 * this long. ms
 */
const waitMsMax = 1_000;
const waitMs = 2;

const waiting = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/**
 * Runs what opens something that must be opened. Where the ordinary descriptors are used up it gets one of those that
 * are kept. A thread beside the main one waits for it, up to a second.
 * @throws whatever `open` throws
 */
export function withKeptDescriptor<Result>(open: () => Result): Result {
  try {
    return open();
  } catch (error) {
    if (budget === undefined || !lacksDescriptors(error)) throw error;
    return withRaisedLimit(budget, open);
  }
}

function withRaisedLimit<Result>(kept: DescriptorBudget, open: () => Result): Result {
  const giveUpAtMs = performance.now() + (isMainThread ? 0 : waitMsMax);
  for (;;) {
    try {
      setSoftLimit(kept, kept.all);
      return open();
    } catch (error) {
      if (!lacksDescriptors(error) || performance.now() > giveUpAtMs) throw error;
    } finally {
      setSoftLimit(kept, kept.ordinary);
    }
    // The main thread, which ends connections, must never stand still for this.
    if (!isMainThread) Atomics.wait(waiting, 0, 0, waitMs);
  }
}

/**
 * Opens a file that must be opened, with one of the descriptors that are kept where the others are used up.
 * @throws the system's error
 */
export const openKept = (path: string, flags: string | number, mode?: number): number =>
  withKeptDescriptor(() => openSync(path, flags, mode));

function setSoftLimit({ all }: DescriptorBudget, soft: number): boolean {
  const calls = libc();
  if (calls === undefined) return false;
  const limits = new BigUint64Array(2);
  if (calls.getrlimit(openFiles, limits) !== 0) return false;
  limits[0] = BigInt(Math.min(soft, all));
  return calls.setrlimit(openFiles, limits) === 0;
}

/**
 * How many descriptors are open; Infinity while not even the folder that tells can be opened, undefined where there is
 * none.
 */
export function descriptorsOpen(): number | undefined {
  const folder = "/proc/self/fd";
  try {
    // Linux tells it as the folder's size since 6.2, without a descriptor.
    return statSync(folder).size || readdirSync(folder).length;
  } catch (error) {
    if (codeOf(error) === "EMFILE" || codeOf(error) === "ENFILE") return Number.POSITIVE_INFINITY;
    if (codeOf(error) === undefined) throw error;
    return undefined;
  }
}

/**
 * Whether something failed because this process, or the machine, may open no more files: the system says so, or DuckDB
 * in its words.
 */
export const lacksDescriptors = (error: unknown): boolean =>
  ["EMFILE", "ENFILE"].includes(codeOf(error) ?? "") || /too many open files/i.test(messageOf(error));
