/** A failure that callers handle, unlike a bug. Its message may be logged, never sent to a client. */
export abstract class MillraceError extends Error {}

/** The environment asks for something impossible; `problems` lists all of it, each naming its variable. */
export class ConfigInvalid extends MillraceError {
  override readonly name = "ConfigInvalid";
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`configuration refused:\n${problems.map((problem) => `  ${problem}`).join("\n")}`);
    this.problems = problems;
  }
}

/** The data folder cannot be served: another server has it, or it cannot be written. */
export class DataFolderRefused extends MillraceError {
  override readonly name = "DataFolderRefused";
}

/** A folder given to a command is not suitable: not empty, not a snapshot, of another export. */
export class PlaceRefused extends MillraceError {
  override readonly name = "PlaceRefused";
}

/** The address cannot be listened on. */
export class AddressRefused extends MillraceError {
  override readonly name = "AddressRefused";
}

/** The process may open fewer files than a service needs. */
export class TooFewDescriptors extends MillraceError {
  override readonly name = "TooFewDescriptors";
}

/** The disk failed a write or a sync. Nothing of it may be acknowledged. */
export class JournalNotWritten extends MillraceError {
  override readonly name = "JournalNotWritten";
}

/** Journal lines could not be sealed now; they are kept and tried again. */
export class SegmentNotSealed extends MillraceError {
  override readonly name = "SegmentNotSealed";
}

/** The machine refuses what a start needs, or a part of the service died during it; the data folder is not at fault. */
export class StartFailed extends MillraceError {
  override readonly name = "StartFailed";
}

/** An actor cannot work until a person has done something; the message says what. */
export class ActorRefused extends MillraceError {
  override readonly name = "ActorRefused";
}

/** The actor's thread or process ended with requests in flight; whether they are durable is not known. */
export class ActorDied extends MillraceError {
  override readonly name = "ActorDied";
}

/** Why a request is refused for now; also the label of the metric. */
export type OverloadReason =
  /** The limit of body bytes in memory is reached. */
  | "bodies_full"
  | "buffer_full"
  | "disk_low"
  /** The journal had failed before, so nothing was begun. */
  | "journal_failed"
  /** The journal failed at this request's group. If the disk took some of it and keeps that, the event is stored. */
  | "commit_failed"
  /** The request waited too long for its commit, which may still succeed. */
  | "commit_late"
  /** Nothing was begun: commits take too long now. */
  | "disk_slow"
  | "queue_full"
  | "no_shard"
  /** The keys for tokens of others could not be fetched so far. */
  | "no_key_set"
  | "stopping";

/** The service cannot accept more now; the same request can be sent again after `retryAfterSeconds`. */
export class Overloaded extends MillraceError {
  override readonly name = "Overloaded";
  readonly reason: OverloadReason;
  readonly retryAfterSeconds: number;
  constructor(reason: OverloadReason, retryAfterSeconds = 1) {
    super(`not taken now: ${reason}`);
    this.reason = reason;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether an error is one of ours or the system's, and not a mistake in the code. */
export const isExpected = (error: unknown): boolean => error instanceof MillraceError || codeOf(error) !== undefined;

/** The system's code of a failed call (`ENOSPC`, `ENOENT`), or undefined if there is none. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
