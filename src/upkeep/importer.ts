/**
 * Seals one piece of an import: journal lines become a segment.
 *
 * Invariants:
 * - Each id in the piece is stored once. What live clients sent before is sealed first and found there. If they send an
 *   id of the piece while its segment is made, the segment is made again. While the segment gets its name, such
 *   requests wait.
 * - The ids are durable before the segment has its name, and count only once it has: `store/ids/imported-folder.ts`.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { sequence } from "../base/brand.ts";
import { removeIfThere, renameDurably, syncFile } from "../base/durable.ts";
import type { Log } from "../base/log.ts";
import type { KeeperHost } from "../keeper/host.ts";
import type { AllShards } from "../shard/lanes/all-shards.ts";
import type { DataFolder } from "../store/folder/names.ts";
import { areImportedIdsToMerge, newImportedIdsPath, removeUnsealedIds } from "../store/ids/imported-folder.ts";
import type { ImportedLines, Rewritten } from "../store/segment/rewrite.ts";
import { adopt } from "./rewrite-next.ts";
import { RewriteFailed, type Rewriter } from "./rewriter.ts";
import { placeOfImport } from "./stretches.ts";

/** What sealing a piece needs. `sealed` resolves when everything that live clients sent before is in a segment. */
type ImportTools = {
  folder: DataFolder;
  keeper: KeeperHost;
  shards: AllShards;
  rewriter: Rewriter;
  log: Log;
  sealed: () => Promise<void>;
};

/**
 * A segment is made at most this many times while live clients send ids of the piece. The last time, they wait for it.
 */
const triesMax = 3;

/**
 * Seals a piece and returns how many events were new. Stored events with the same ids stay as they are. REQUIRES: no
 * other upkeep job runs.
 * @throws RewriteFailed or ActorDied; the same piece can be sealed again
 */
export async function sealPiece(lines: ImportedLines, tools: ImportTools): Promise<number> {
  const { folder, keeper, shards } = tools;
  if (!existsSync(join(folder.imports, lines.file)))
    throw new RewriteFailed("the piece of the import is gone: an erasure came between; give the command again");
  removeUnsealedIds(folder);
  if (lines.ids === 0) {
    const rewritten = await makeSegment(lines, tools);
    await giveName(keeper, rewritten);
    return rewritten.events;
  }
  const piece = join(folder.imports, idsFileOf(lines.file));
  try {
    const rewritten = await makeSegmentBesideClients(lines, piece, tools);
    const { to, from } = rewritten.name;
    // If the piece brought nothing new, every event of it is sealed already.
    const path = newImportedIdsPath(folder, rewritten.events > 0 ? to : sequence(from - 1));
    await syncFile(piece);
    renameDurably({ from: piece, to: path });
    try {
      await giveName(keeper, rewritten);
    } finally {
      // Only the segment's name shows whether it was adopted: the keeper's reply may have been lost.
      removeUnsealedIds(folder);
    }
    await merge(tools);
    return rewritten.events;
  } finally {
    await shards.imported({ step: "reload" });
  }
}

/** Merges the files of imported ids. A failure is only logged: the piece is sealed, and the next import tries again. */
async function merge({ folder, rewriter, log }: ImportTools): Promise<void> {
  // With few files no process need start.
  if (!areImportedIdsToMerge(folder)) return;
  try {
    await rewriter.run({ kind: "merge imported ids" });
  } catch (error) {
    if (!(error instanceof RewriteFailed)) throw error;
    log.warn({ error: error.message }, "files of imported ids not merged; tried again after the next import");
  }
}

/** The file beside a piece that holds the ids that came with it. */
const idsFileOf = (linesFile: string) => linesFile.replace(/\.ndjson$/, ".ids");

async function makeSegmentBesideClients(lines: ImportedLines, path: string, tools: ImportTools): Promise<Rewritten> {
  const { shards, sealed } = tools;
  for (let tries = 1; ; tries++) {
    const isLast = tries === triesMax;
    await shards.imported({ step: isLast ? "hold" : "watch", path });
    // Sealed after watching begins, so that everything accepted before is in the segments that are searched.
    await sealed();
    const rewritten = await makeSegment(lines, tools);
    try {
      if (isLast || !(await shards.imported({ step: "hold", path }))) return rewritten;
    } catch (error) {
      removeIfThere(rewritten.unfinished);
      throw error;
    }
    removeIfThere(rewritten.unfinished);
  }
}

async function makeSegment(lines: ImportedLines, { folder, rewriter }: ImportTools): Promise<Rewritten> {
  const { range, others } = placeOfImport(folder, lines.events);
  return await rewriter.run({ kind: "import", range, lines, others });
}

async function giveName(keeper: KeeperHost, rewritten: Rewritten): Promise<void> {
  try {
    if (rewritten.events > 0) await adopt(keeper, rewritten);
  } finally {
    removeIfThere(rewritten.unfinished);
  }
}
