/** Chooses the shard for a request. A request goes whole to one shard, so that a batch is stored or refused as one. */
import { type ShardId, shardId } from "../../base/brand.ts";

/** What routing knows of a shard. */
export type ShardLoad = { isAccepting: boolean; bytesInFlight: number };

/**
 * Below this a shard is not busy and gets the next request too: fewer working shards make larger groups, so fewer syncs
 * for the same events. It is more than the single events of a thousand connections, and less than a handful of batches.
 * Bytes.
 */
export const busyBytes = 256 * 1024;

/**
 * The first accepting shard that is not busy, otherwise the one with the least in flight; undefined when none accepts.
 */
export function chooseShard(loads: readonly ShardLoad[]): ShardId | undefined {
  let chosen: number | undefined;
  let fewestBytes = Number.POSITIVE_INFINITY;
  for (let index = 0; index < loads.length; index++) {
    const load = loads[index];
    if (load === undefined || !load.isAccepting) continue;
    if (load.bytesInFlight < busyBytes) return shardId(index);
    if (load.bytesInFlight < fewestBytes) {
      chosen = index;
      fewestBytes = load.bytesInFlight;
    }
  }
  return chosen === undefined ? undefined : shardId(chosen);
}
