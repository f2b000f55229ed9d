/** Hands the messages of a body over to the shards, a few at a time. */
import { systemClock } from "../base/clock.ts";
import { Overloaded } from "../base/errors.ts";
import type { Batch } from "./protocol.ts";

/** What is done with each message of a body. It resolves once the message's events are durable. */
export type TakeBatch = (batch: Batch) => Promise<void>;

/** This many messages are under way at once: they share the syncs of the journals, and fill no shard's queue. */
const underWayMax = 4;

/** A body is given up after this time, so that its answer comes within 5 s. ms */
const waitMsMax = 4_500;

/** The messages of one body. */
export class Handover {
  readonly #take: TakeBatch;
  readonly #giveUpAtMs = systemClock.monotonicMs() + waitMsMax;
  readonly #underWay = new Set<Promise<void>>();
  #failure: { error: unknown } | undefined;

  constructor(take: TakeBatch) {
    this.#take = take;
  }

  /**
   * Hands one message over, once there is room.
   * @throws what `take` threw for this or an earlier message; Overloaded when the body takes too long
   */
  async add(batch: Batch): Promise<void> {
    // Events that could not be mapped have to wait: if the body fails and is sent again, they are kept once.
    const roomFrom = batch.refused.length > 0 ? 1 : underWayMax;
    while (this.#underWay.size >= roomFrom) await Promise.race(this.#underWay);
    this.#check();
    if (systemClock.monotonicMs() >= this.#giveUpAtMs) throw new Overloaded("commit_late");
    const taking = this.#take(batch)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#underWay.delete(taking));
    this.#underWay.add(taking);
  }

  /**
   * Resolves once all messages are durable.
   * @throws what `take` threw for one of them
   */
  async done(): Promise<void> {
    await Promise.all(this.#underWay);
    this.#check();
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
