/** A `Base` that cannot be mixed up with another: `ShardId` and `Sequence` are both numbers, and never each other. */
type Brand<Base, Name extends string> = Base & { readonly __brand: Name };

/** Number of a shard, from 0; it names the shard's journal files, segments and id logs for good. */
export type ShardId = Brand<number, "ShardId">;

/** Position of an event in its shard, from 1, without gaps: the order of acceptance. */
export type Sequence = Brand<number, "Sequence">;

/** Takes a non-negative integer for a shard's number. */
export const shardId = (value: number): ShardId => value as ShardId;

/** Takes a positive integer for a position in a shard. */
export const sequence = (value: number): Sequence => value as Sequence;
