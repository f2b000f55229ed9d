/** What a data folder holds, judged by the names and sizes of its files. */
import { readdirSync, statSync } from "node:fs";
import { cp, open, readdir } from "node:fs/promises";
import { join } from "node:path";

/** Files directly in `path` and their bytes together; nothing while it is not there. */
export function filesIn(path: string): { files: string[]; bytes: number } {
  const files: string[] = [];
  let bytes = 0;
  for (const file of list(path)) {
    const found = statSync(join(path, file), { throwIfNoEntry: false });
    if (found?.isFile() !== true) continue;
    files.push(file);
    bytes += found.size;
  }
  return { files, bytes };
}

/**
 * How many events are sealed, by the names of the segments: `SSSS-FROM-TO….duckdb` holds a shard's events from one
 * sequence to another, and a shard seals in order, from 1 on. So events that were merged meanwhile count once.
 */
export function sealedEvents(files: readonly string[]): number {
  const lasts = new Map<string, number>();
  for (const file of files) {
    const [, shard, to] = /^(\d{4})-\d{16}-(\d{16})\b.*\.duckdb$/.exec(file) ?? [];
    if (shard !== undefined) lasts.set(shard, Math.max(lasts.get(shard) ?? 0, Number(to)));
  }
  return lasts.values().reduce((sum, last) => sum + last, 0);
}

/** Copies a folder and syncs the copy: otherwise the disk would still write it while a service on it is timed. */
export async function copySynced(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true });
  for (const entry of await readdir(to, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    await using file = await open(join(entry.parentPath, entry.name), "r");
    await file.sync();
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
