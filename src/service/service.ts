/** A running service, as the command line and tests see it. */
import type { ShardHost } from "../shard/lanes/all-shards.ts";
import type { Parts } from "./parts.ts";
import { stopService } from "./stop.ts";

/** A running service; made by `startService`. */
export class Service {
  readonly #parts: Parts;
  readonly #scope: AsyncDisposableStack;

  constructor(parts: Parts, scope: AsyncDisposableStack) {
    this.#parts = parts;
    this.#scope = scope;
  }

  /** Where it listens: `http://HOST:PORT`; undefined if it was stopped before it listened. */
  get address(): string | undefined {
    return this.#parts.life.front?.address;
  }

  /** The key that its tokens are signed with, and whether this start made it. */
  get secret(): Parts["secret"] {
    return this.#parts.secret;
  }

  /** The actors, for tests that kill them. */
  get shards(): readonly ShardHost[] {
    return this.#parts.shards;
  }

  /**
   * Refuses new requests, answers those in flight, seals everything accepted, publishes the catalog, and closes.
   * Returns true when all of it was done; otherwise the journal has what was not sealed.
   */
  stop(): Promise<boolean> {
    return stopService(this.#parts, this.#scope);
  }
}
