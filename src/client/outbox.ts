/**
 * An outbox on disk, for servers: events survive the end of the process, also by kill -9.
 *
 * - `add` writes one line before it returns. It is not synced: it survives the process, and not a power loss.
 * - Each process has a file of its own, so that several may share the folder. Only its owner writes to a file.
 * - A file whose owner has ended is claimed by a rename, which succeeds for one process alone.
 *
 * A line is `KEY EVENT`, or `-KEY KEY …` for events that have been sent or dropped. A last line without its line feed
 * was cut off by the end of the process.
 */
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { isRunning, newOwner, released } from "./outbox-owner.ts";
import type { Outbox } from "./types.ts";

export type { Outbox } from "./types.ts";

/** Four times what a client queues. A file past it, while events wait, is written again with these alone. Bytes. */
const fileBytesMax = 64_000_000;

/** How often an owner shows that it runs, and looks for files of those that do not. ms */
const lookEveryMs = 10_000;

/** An owner on another host that has not shown itself for so long has ended. ms */
const silentMsMax = 60_000;

const suffix = ".events";

/** The outbox in a folder, which is made when it is needed. If it cannot be used, the process gets a warning. */
export function openOutbox(folder: string): Outbox {
  const owner = newOwner();
  const path = join(folder, owner + suffix);
  const waiting = new Map<string, string>();
  let descriptor: number | undefined;
  let bytes = 0;
  let count = 0;
  let timer: ReturnType<typeof setInterval> | undefined;
  let hasWarned = false;

  const warn = (error: unknown): void => {
    if (!hasWarned) process.emitWarning(`millrace outbox ${folder}: events wait in memory alone: ${error}`);
    hasWarned = true;
  };

  /** Appends whole lines, or nothing. */
  const append = (text: string): void => {
    if (descriptor === undefined) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      descriptor = openSync(path, "a", 0o600);
    }
    const content = Buffer.from(text);
    try {
      for (let at = 0; at < content.byteLength; ) at += writeSync(descriptor, content, at);
    } catch (error) {
      // A full disk. What stands of the line is cut off: the next one must begin at the beginning of a line.
      ftruncateSync(descriptor, bytes);
      throw error;
    }
    bytes += content.byteLength;
  };

  /** Replaces the file by one with what waits. At any moment one of the two is whole. */
  const rewrite = (): void => {
    if (descriptor !== undefined) closeSync(descriptor);
    descriptor = openSync(`${path}.new`, "w", 0o600);
    bytes = 0;
    append([...waiting].map(([key, event]) => `${key} ${event}\n`).join(""));
    renameSync(`${path}.new`, path);
  };

  const remove = (keys: (string | undefined)[]): void => {
    const known = keys.filter((key) => key !== undefined && waiting.delete(key));
    if (known.length === 0 || descriptor === undefined) return;
    if (waiting.size === 0) {
      ftruncateSync(descriptor, 0);
      bytes = 0;
    } else append(`-${known.join(" ")}\n`);
    if (bytes > fileBytesMax) rewrite();
  };

  /** Takes over the events of one process that has ended. */
  const claimOne = (take: (event: string) => void): void => {
    for (const name of namesIn(folder)) {
      if (name.startsWith(owner) || !hasEnded(folder, name)) continue;
      const claimed = join(folder, `${owner}.claimed-${count++}${suffix}`);
      try {
        renameSync(join(folder, name), claimed);
      } catch {
        // Another process was first.
        continue;
      }
      const events = [...eventsIn(readFileSync(claimed, "utf8"))];
      for (const event of events) take(event);
      // By now they are in this process's own file.
      unlinkSync(claimed);
      if (events.length > 0) return;
    }
  };

  return {
    add(event) {
      const key = String(count++);
      try {
        append(`${key} ${event}\n`);
      } catch (error) {
        warn(error);
        return undefined;
      }
      waiting.set(key, event);
      return key;
    },
    remove(keys) {
      try {
        remove(keys);
      } catch (error) {
        warn(error);
      }
    },
    claim(take) {
      const look = (): void => {
        try {
          if (descriptor !== undefined) utimesSync(path, new Date(), new Date());
          // One file at a time: as much as a queue holds.
          if (waiting.size === 0) claimOne(take);
        } catch (error) {
          warn(error);
        }
      };
      look();
      timer = setInterval(look, lookEveryMs);
      timer.unref();
    },
    close() {
      clearInterval(timer);
      if (descriptor === undefined) return;
      closeSync(descriptor);
      descriptor = undefined;
      if (waiting.size === 0) unlinkSync(path);
      // This process goes on, and so would own the file until its end.
      else renameSync(path, join(folder, released() + suffix));
    },
  };
}

/** Files of outboxes; none in a folder that is not there yet. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith(suffix));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

function hasEnded(folder: string, name: string): boolean {
  const runs = isRunning(name.slice(0, -suffix.length));
  if (runs !== undefined) return !runs;
  const { mtimeMs = Date.now() } = statSync(join(folder, name), { throwIfNoEntry: false }) ?? {};
  return Date.now() - mtimeMs > silentMsMax;
}

/** The events of a file that were neither sent nor dropped, in their order. */
function eventsIn(text: string): Iterable<string> {
  const waiting = new Map<string, string>();
  // What follows the last line feed was cut off.
  for (const line of text.split("\n").slice(0, -1)) {
    if (line.startsWith("-")) for (const key of line.slice(1).split(" ")) waiting.delete(key);
    else waiting.set(line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1));
  }
  return waiting.values();
}
