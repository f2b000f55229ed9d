/** Detects other users of the machine: processor time that was not this run's. */
import { readFileSync } from "node:fs";

/** Processor time of all cores since the start of the machine, in ticks. */
export type ProcessorTimes = { all: number; idle: number; stolen: number };

/** Long enough for a hundred ticks on each core, so that one of them is a percent. */
const lookMs = 1_000;

/** Past it, what a neighbour takes is as much as what differs between two rounds of a quiet machine. */
const busyShareMax = 0.1;

/** Share of the whole run. If a virtual machine loses more than this, the figures measure its host. */
const stolenShareMax = 0.02;

/** Reads the processor times of now. */
export function processorTimes(): ProcessorTimes {
  return parseProcessorTimes(readFileSync("/proc/stat", "utf8"));
}

/**
 * Reads the first line of /proc/stat.
 * @throws Error it is not there
 */
export function parseProcessorTimes(stat: string): ProcessorTimes {
  const fields = /^cpu +(.*)$/m.exec(stat)?.[1]?.split(" ").map(Number);
  // User, nice, system, idle, waiting for disks, interrupts, soft interrupts, stolen; guests are part of user.
  const times = fields?.slice(0, 8);
  const [, , , idle, waiting, , , stolen] = times ?? [];
  if (times === undefined || idle === undefined || waiting === undefined || stolen === undefined) {
    throw new Error(`no processor times in: ${stat.slice(0, 200)}`);
  }
  return { all: times.reduce((sum, time) => sum + time, 0), idle: idle + waiting, stolen };
}

/**
 * Watches the machine for a second before anything of this run has started. Returns warnings, none for a quiet machine.
 */
export async function watchBeforeStart(cores: number): Promise<string[]> {
  const before = processorTimes();
  await Bun.sleep(lookMs);
  const after = processorTimes();
  const loadAverage = Number(readFileSync("/proc/loadavg", "utf8").split(" ")[0]);
  return busyWarnings({ busyShare: busyShareBetween(before, after), loadAverage, cores });
}

/** Of the time of all cores, what was neither idle nor spent waiting for a disk: 0 to 1. */
export function busyShareBetween(before: ProcessorTimes, after: ProcessorTimes): number {
  const all = after.all - before.all;
  return all === 0 ? 0 : 1 - (after.idle - before.idle) / all;
}

/** What to say of a machine before a run; `loadAverage` is that of the last minute. */
export function busyWarnings(seen: { busyShare: number; loadAverage: number; cores: number }): string[] {
  const { busyShare, loadAverage, cores } = seen;
  if (busyShare <= busyShareMax && loadAverage <= cores / 2) return [];
  return [
    `The machine was busy before the start: ${Math.round(busyShare * 100)} % of its processors, load average ${loadAverage} on ${cores} cores. What others took is missing in every figure.`,
  ];
}

/** What to say of the host of a virtual machine after a run. */
export function stolenWarnings(before: ProcessorTimes, after: ProcessorTimes): string[] {
  const share = (after.stolen - before.stolen) / Math.max(1, after.all - before.all);
  if (share <= stolenShareMax) return [];
  return [`The host took ${(share * 100).toFixed(1)} % of the processors' time for other machines during the run.`];
}
