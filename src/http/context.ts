/** What the endpoints share: made once by the service. */
import type { AdapterThread } from "../adapter/thread.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { MetricsAccess } from "../config/config.ts";
import type { QueryRunner } from "../query/runner.ts";
import type { BoardState } from "../shard/board.ts";
import type { EachAnswer, EachRequest } from "../shard/lanes/each-sender.ts";
import type { AppendAnswer, AppendRequest } from "../shard/protocol.ts";
import type { AlertShown } from "../stats/answer.ts";
import type { Health } from "../stats/health.ts";
import type { Tail } from "../tail/tail.ts";
import type { Upkeep } from "../upkeep/upkeep.ts";
import type { AuditLog } from "./edge/audit-log.ts";
import type { Cors } from "./edge/cors.ts";
import type { RefusalCounters } from "./edge/counters.ts";
import type { RateLimit } from "./edge/rate-limit.ts";
import type { Receipt } from "./edge/receipt.ts";
import type { Authenticator } from "./token/auth.ts";

/** Limits that the endpoints apply. */
type Limits = { bodyBytesMax: number; bufferEventsMax: number; flushIntervalMs: number };

/** What accepting and counting events needs. */
export type AcceptContext = {
  auth: Authenticator;
  /** Undefined: no page of another origin reads answers. */
  cors: Cors | undefined;
  /** How many events a second each sender may bring. */
  rates: RateLimit;
  clock: Clock;
  log: Log;
  refusals: RefusalCounters;
  /** Who did what. */
  audit: AuditLog;
  limits: Limits;
  /** Room for bodies. */
  receipt: Receipt;
  /** False from the first signal to stop. */
  isAccepting: () => boolean;
  /** Whether the disk has no room for more events. */
  isDiskLow: () => boolean;
  /** Checks that a shard has room; throws Overloaded when none has. */
  requireRoom: () => void;
  /** Hands a body to a shard. */
  submit: (request: AppendRequest) => Promise<AppendAnswer>;
  /** One state of each shard's board. */
  boards: () => BoardState[];
};

/** The service, as its endpoints see it. */
export type HttpContext = AcceptContext & {
  /** Stores each good event of an adapter, and keeps the bad ones in `refused`. Check `requireRoom` before. */
  submitEach: (request: EachRequest) => Promise<EachAnswer>;
  queries: QueryRunner;
  /** Streams of events as they come. */
  tail: Tail;
  /** Who gets the metrics and the details of health. */
  metricsAccess: MetricsAccess;
  /** Maps bodies of other vendors' SDKs. */
  adapters: AdapterThread;
  health: () => Health;
  /** The scrape, in the text format of Prometheus. */
  metrics: () => Promise<string>;
  /** The states of alerts; undefined: there is no folder of alerts. */
  alerts: () => AlertShown[] | undefined;
  /** Erasure and compaction, once the service runs. */
  upkeep: () => Upkeep | undefined;
};
