/** What the keeper is asked, and what it answers: plain data, cloned between threads. */
import type { LogLevel } from "../base/log.ts";
import type { DataFolder } from "../store/names.ts";

/** What the keeper is born with. */
export type KeeperOptions = { folder: DataFolder; logLevel: LogLevel };

/** Everything that the keeper is asked. */
export type KeeperRequest = { kind: "recover" } | { kind: "publish" };

/** The answer to each kind of request. */
export type KeeperReplies = {
  recover: undefined;
  /** The catalog names every segment that was sealed before the call. */
  publish: { segments: number };
};
