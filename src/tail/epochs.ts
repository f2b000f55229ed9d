/**
 * Whether a position is of this folder's history, and where a reader continues that comes with one which is not.
 *
 * A position names the epoch (the run of a service) in which it was given. If the folder has that epoch, the position
 * is of its history up to where the following epochs began; what the reader has had past that was lost by a restore to
 * an earlier state, and its sequences are those of other events now.
 */
import { randomBytes } from "node:crypto";
import type { Log } from "../base/log.ts";
import { type Epoch, keepEpochs, readEpochs } from "../store/folder/epochs.ts";
import type { DataFolder } from "../store/folder/names.ts";
import { retiredEnds } from "./held.ts";
import type { Place, Position } from "./position.ts";

/** Where a reader continues. `isOther`: it has had events that are not in this folder, or nobody knows. */
type Continuation = { position: Position; isOther: boolean };

/**
 * Begins the epoch of this start, durably, and returns all that the folder has, the new one last. `ends`: by the number
 * of each running shard, its last event. REQUIRES: the shards have recovered, and accept nothing yet.
 */
export function beginEpoch(folder: DataFolder, ends: readonly number[], log: Log): Epoch[] {
  const { epochs, isDamaged } = readEpochs(folder);
  if (isDamaged)
    log.warn("epochs.json is damaged and was written again; readers of the tail that resume are told a gap once");
  const all = [...ends];
  for (const [shard, to] of retiredEnds(folder, ends.length)) all[shard] = to;
  for (let shard = 0; shard < all.length; shard++) all[shard] ??= 0;
  const begun = [...epochs, { id: newId(epochs), ends: all }];
  keepEpochs(folder, begun);
  return begun;
}

function newId(epochs: readonly Epoch[]): number {
  for (;;) {
    const id = randomBytes(4).readUInt32LE();
    if (epochs.every((each) => each.id !== id)) return id;
  }
}

/** Where a reader continues that comes with a position. Pure. */
export function continuationOf({ epoch, position }: Place, epochs: readonly Epoch[]): Continuation {
  // Earlier releases named none: only a position past the newest event shows that it is of another history.
  if (epoch === undefined) return { position, isOther: false };
  const given = epochs.findIndex(({ id }) => id === epoch);
  // Another folder; a copy that went its own way; or this one, restored to a state from before that epoch. In the last
  // two cases what the reader has not had came after the start that followed, which may be this one.
  if (given === -1) return { position: epochs.at(-1)?.ends ?? [], isOther: true };
  const later = epochs.slice(given + 1);
  const shared = position.map((at, shard) => Math.min(at, ...later.map(({ ends }) => ends[shard] ?? 0)));
  return { position: shared, isOther: shared.some((at, shard) => at !== position[shard]) };
}
