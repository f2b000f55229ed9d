/** The package: what an application imports. */
import { createClientIn } from "./create.ts";
import type { Client, ClientOptions } from "./types.ts";

export type {
  Category,
  Client,
  ClientOptions,
  DropReason,
  EventOptions,
  Flushed,
  Outbox,
  Priority,
} from "./types.ts";

/**
 * Makes a client. It sends nothing before the first event, and never throws: with a `url` or `token` that cannot be
 * used, every event is reported to `onDrop` as `misconfigured`.
 */
export const createClient: (options: ClientOptions) => Client = createClientIn;
