/** What an acceptor is asked, and what it asks: plain data, cloned between threads. */
import type { Recovery } from "../../actor/serve.ts";
import type { LogLevel } from "../../base/log.ts";
import type { Limits } from "../context.ts";
import type { AuthOptions } from "../token/auth.ts";

/** What an acceptor is born with. */
export type AcceptorOptions = {
  /** The address on which all accepting threads listen. */
  host: string;
  port: number;
  /** The main thread's own server, for what an acceptor does not answer itself: `http://HOST:PORT`. */
  innerAddress: string;
  auth: Omit<AuthOptions, "clock">;
  limits: Limits;
  /** One for each shard, in their order. */
  boards: SharedArrayBuffer[];
  gate: SharedArrayBuffer;
  /** The shared count of bytes of bodies, and this thread's number in it. */
  receipt: SharedArrayBuffer;
  thread: number;
  logLevel: LogLevel;
};

/** Everything that an acceptor is asked. */
export type AcceptorRequest = { kind: "recover" } | { kind: "drained"; giveUpAtMs: number };

/** The answer to each kind of request. */
export type AcceptorReplies = {
  /** It listens. */
  recover: Recovery;
  /** None of its requests waits for a shard any more, or `giveUpAtMs` has passed. */
  drained: undefined;
};

/** What an acceptor asks or reports over its door. */
export type AcceptorQuestion =
  /** Packed requests for a shard. */
  | { kind: "append"; shard: number; requests: Uint8Array<ArrayBuffer> }
  /** Refusals since its last report. */
  | { kind: "refusals"; byReason: [reason: string, requests: number][] };

/** The answer to each of them; `append`: the shard's answers, packed. */
export type AcceptorAnswers = { append: string; refusals: undefined };
