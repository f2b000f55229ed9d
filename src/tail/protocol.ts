/** Messages between the service and the process that follows the journal: plain data. */
import type { DataFolder } from "../store/folder/names.ts";
import type { TailFilter } from "./filter.ts";
import type { Position } from "./position.ts";

/** What the process is given at its start; `epoch` is part of each position. */
type FollowerBirth = { kind: "birth"; folder: DataFolder; epoch: number };

/** What the process is asked; nothing of it is answered by itself. */
export type FollowerRequest =
  /** By the number of each running shard: the sequence of its last durable event. The process reads up to these. */
  | { kind: "ends"; ends: number[] }
  /**
   * A reader begins, or continues after the segments it needed. `isResuming`: it gets all that is held after its
   * position, however slowly it reads. `hasGap`: it is told first that events are not held any more.
   */
  | { kind: "attach"; reader: number; position: Position; filter: TailFilter; isResuming: boolean; hasGap: boolean }
  /** The reader has taken this many bytes. */
  | { kind: "taken"; reader: number; bytes: number }
  | { kind: "detach"; reader: number };

/** What the process says. */
export type FollowerNotice =
  /** Messages for a reader; `position` is where it is after them. */
  | { kind: "messages"; reader: number; text: Uint8Array; position: Position }
  /**
   * The reader's next event of this shard is sealed, and no journal has it. The reader is detached: read segments up to
   * the event `to`, then attach it again.
   */
  | { kind: "sealed"; reader: number; position: Position; shard: number; to: number; isResuming: boolean }
  /** Events that were left out for a slow reader, since the last such notice. */
  | { kind: "missed"; events: number };

/** Everything that the process hears. */
export type FollowerMessage = FollowerBirth | FollowerRequest;
