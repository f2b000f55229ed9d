/**
 * Descriptors of this process: how many it may have, and how some are reserved for the disk, whatever the number of
 * connections.
 *
 * The system assigns the lowest free number below the soft limit. The service lowers that limit for all of its threads,
 * so accepting connections fails there. What must be opened is opened under the hard limit, which is set for that
 * moment alone.
 */
import { openSync, readdirSync, readFileSync, statSync } from "node:fs";
import { isMainThread } from "node:worker_threads";
import { codeOf, messageOf } from "./errors.ts";
import { libc } from "./libc.ts";

/** How many descriptors there are: `all`, and the `ordinary` ones that anything may take. */
export type DescriptorBudget = { all: number; ordinary: number };

/**
 * What one shard may hold open at the same time: its journal, the id log or a folder being synced, and one to spare.
 */
const keptPerShard = 3;

/** The disk's probe, and pipes to two processes that are being started. */
const keptByAll = 8;

/**
 * What the runtime, the lock, the listener and the keeper's channel always hold, and what each shard's thread adds
 * (seen: 10 and 3).
 */
const heldByAll = 12;
const heldPerThread = 3;

/** With fewer connections than this a service is useless. */
const connectionsMin = 4;

/** Descriptors of each query that runs, and of each spare process: three pipes and the process. */
const heldPerQuery = 4;

/** With fewer descriptors than this no process waits for a query: connections need them more. */
const spareDescriptorsMin = 256;

/** Most processes that may wait for a query with this limit of descriptors; Infinity or undefined: there is none. */
export const querySparesMax = (limit: number | undefined): number =>
  limit === undefined || limit >= spareDescriptorsMin ? 6 : 0;

/** What decides how many descriptors a service needs beside its connections. */
export type DescriptorNeeds = { shards: number; queriesMax: number };

/** The budget of this process, as this thread knows it. */
let budget: DescriptorBudget | undefined;

/** Most open files of this process at its start; undefined if the system does not report it. Infinity: no limit. */
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

/** Descriptors reserved for the disk. */
const keptOf = ({ shards }: DescriptorNeeds) => keptByAll + keptPerShard * shards;

/** Descriptors that a service needs beside its connections. */
const neededOf = (needs: DescriptorNeeds) =>
  keptOf(needs) + heldByAll + heldPerThread * needs.shards + heldPerQuery * needs.queriesMax;

/** The smallest limit with which a service works at all. */
export const descriptorsMin = (needs: DescriptorNeeds): number => neededOf(needs) + connectionsMin;

/** Most connections that a limit allows. */
export const connectionsAllowed = (limit: number, needs: DescriptorNeeds): number =>
  limit - neededOf(needs) - heldPerQuery * querySparesMax(limit);

/**
 * Most connections unless configured. An eighth of the limit is room for connections that arrive between two checks;
 * checks are 100 ms apart.
 */
export const connectionsByDefault = (limit: number, needs: DescriptorNeeds): number =>
  Math.max(connectionsMin, connectionsAllowed(limit, needs) - Math.floor(limit / 8));

/** RLIMIT_NOFILE. */
const openFiles = 7;

/**
 * Reserves descriptors of this process for `withKeptDescriptor`, once and for good; a second call returns the result of
 * the first. Undefined: the system has no such limits, or does not let them be set.
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

/** Sets in this thread what the main thread reserved. */
export function shareDescriptors(kept: DescriptorBudget | undefined): void {
  budget = kept;
  // Opened now, while there is a descriptor for the library.
  if (kept !== undefined) libc();
}

/**
 * While the limit is raised, the main thread may take all reserved descriptors, if this thread is not scheduled
 * just then. Connections past the bound are closed within a tenth of a second, so opening is retried for this long. ms
 */
const waitMsMax = 1_000;
const waitMs = 2;

const waiting = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/**
 * Runs `open`, which opens something that must be opened. If the ordinary descriptors are used up, it gets a reserved
 * one. A thread other than the main one waits for it, up to a second.
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
    // The main thread closes connections, so it must never wait here.
    if (!isMainThread) Atomics.wait(waiting, 0, 0, waitMs);
  }
}

/**
 * Opens a file that must be opened, with a reserved descriptor if the others are used up.
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
 * How many descriptors are open. Infinity: none is left to open the folder that lists them. Undefined: there is no such
 * folder.
 */
export function descriptorsOpen(): number | undefined {
  const folder = "/proc/self/fd";
  try {
    // Since 6.2 Linux reports it as the folder's size, without a descriptor.
    return statSync(folder).size || readdirSync(folder).length;
  } catch (error) {
    if (codeOf(error) === "EMFILE" || codeOf(error) === "ENFILE") return Number.POSITIVE_INFINITY;
    if (codeOf(error) === undefined) throw error;
    return undefined;
  }
}

/**
 * Whether something failed because this process, or the machine, may open no more files, as reported by the system or
 * by DuckDB.
 */
export const lacksDescriptors = (error: unknown): boolean =>
  ["EMFILE", "ENFILE"].includes(codeOf(error) ?? "") || /too many open files/i.test(messageOf(error));
