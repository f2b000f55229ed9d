/**
 * A `Base` that the compiler does not mix up with another: `ShardId` and `Sequence` are both numbers, but not
 * interchangeable.
 */
type Brand<Base, Name extends string> = Base & { readonly __brand: Name };

/** Number of a shard, from 0; it names the shard's journal files, segments and id logs for good. */
export type ShardId = Brand<number, "ShardId">;

/** Position of an event in its shard, from 1, without gaps: the order of acceptance. */
export type Sequence = Brand<number, "Sequence">;

/** Brands a non-negative integer as a shard's number. */
export const shardId = (value: number): ShardId => value as ShardId;

/** Brands a positive integer as a position in a shard. */
export const sequence = (value: number): Sequence => value as Sequence;
