/** What a person can do about a failure of the system. */
import { codeOf, messageOf } from "./errors.ts";

/** By the system's code. */
const remedies: Readonly<Record<string, string>> = {
  EACCES: "give this user the right to it",
  EAGAIN: "raise the limit of processes and threads (ulimit -u)",
  EDQUOT: "make room in this user's quota",
  EIO: "the disk fails; see the system's log, and copy the folder to a sound disk",
  EISDIR: "a folder stands in the place of a file; move it away",
  EMFILE: "raise the limit of open files (ulimit -n)",
  ENFILE: "the whole system has no open file left; end what holds many, or raise fs.file-max",
  ENOMEM: "free memory, or give the service more",
  ENOSPC: "make room on the disk",
  EPERM: "give this user the right to it",
  EROFS: "the disk is read-only; mount it so that it can be written to",
};

/**
 * The message of an error, and what to do about it if the system refused. The error's own code decides, or else that of
 * its cause.
 */
export function withRemedy(error: unknown): string {
  const code = codeOf(error) ?? codeOf(error instanceof Error ? error.cause : undefined);
  const remedy = code === undefined ? undefined : remedies[code];
  return remedy === undefined ? messageOf(error) : `${messageOf(error)}; ${remedy}`;
}
