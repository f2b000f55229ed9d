/** The disk by itself: how long 4 KiB take to be on it. Every durable answer waits for at least this. */
import { fdatasyncSync, writeSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { percentile } from "../core/percentile.ts";

/** Of this many the third slowest is the p99; on a quick disk they take a tenth of a second. */
const syncsCount = 300;

/** A disk with a plate takes 10 ms a sync: enough for all of them there, and an end on worse ones. */
const probeMsMax = 5_000;

/** A page of memory, and a block of most file systems. */
const blockBytes = 4_096;

/** Syncs between two looks at the signal. */
const syncsBetweenLooks = 20;

/**
 * Appends and syncs in a file of its own in `folder`, which it removes. Milliseconds of one append with its sync.
 * @throws Error the disk does not take it, or `signal` ended it
 */
export async function probeDisk(folder: string, signal: AbortSignal): Promise<{ p50Ms: number; p99Ms: number }> {
  const path = join(folder, "disk-probe");
  await using ending = new AsyncDisposableStack();
  ending.defer(() => rm(path, { force: true }));
  const file = ending.use(await open(path, "a"));
  const block = new Uint8Array(blockBytes).fill(0x2e);
  const times: number[] = [];
  const deadlineMs = performance.now() + probeMsMax;
  for (let sync = 0; sync < syncsCount && performance.now() < deadlineMs; sync += 1) {
    if (sync % syncsBetweenLooks === 0) {
      await Bun.sleep(0);
      signal.throwIfAborted();
    }
    const startMs = performance.now();
    writeSync(file.fd, block);
    fdatasyncSync(file.fd);
    times.push(performance.now() - startMs);
  }
  return { p50Ms: percentile(times, 50), p99Ms: percentile(times, 99) };
}
