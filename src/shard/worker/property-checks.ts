/**
 * The schemas that a shard checks properties by, and what did not fit: counted on the board, and logged. A client that
 * sends such events for hours must not fill the log.
 */

import type { Log } from "../../base/log.ts";
import type { Time } from "../../base/time.ts";
import type { Misfit, SchemaSet, SchemaSource } from "../../schema/set.ts";
import type { Board } from "../board.ts";

/** At most one line for each event name in this time. Names that have a schema are few. ms */
const logPauseMs = 60_000;

type Given = { board: Board; log: Log; time: Pick<Time, "monotonicMs"> };

/** The schemas of one shard. */
export class PropertyChecks {
  readonly #given: Given;
  readonly #logged = new Map<string, { atMs: number; events: number }>();
  #set: SchemaSet | undefined;

  constructor(given: Given) {
    this.#given = given;
  }

  /** The schemas that count now; undefined: there are none. */
  get set(): SchemaSet | undefined {
    return this.#set;
  }

  /** Replaces the schemas. The validator is loaded with the first of them. */
  async use(source: SchemaSource | undefined): Promise<void> {
    if (source === undefined) this.#set = undefined;
    else {
      const { SchemaSet } = await import("../../schema/set.ts");
      this.#set = new SchemaSet(source, this.#set);
    }
  }

  /** Forgets the events that did not fit since the last call: their body is validated again. */
  forget(): void {
    this.#set?.takeMisfits();
  }

  /**
   * Counts and logs the events that did not fit since the last call. With `warn`, those of a body that was refused for
   * another reason are not counted: it is sent again.
   */
  settle(outcome: "accepted" | "refused"): void {
    const misfits = this.#set?.takeMisfits() ?? [];
    const isRefused = this.#set?.mode === "enforce";
    if (misfits.length === 0 || (!isRefused && outcome === "refused")) return;
    this.#given.board.write((edit) => edit.add(isRefused ? "misfitsRefused" : "misfitsWarned", misfits.length));
    for (const misfit of misfits) this.#tell(misfit, isRefused);
  }

  #tell({ eventName, fault }: Misfit, isRefused: boolean): void {
    const { log, time } = this.#given;
    const nowMs = time.monotonicMs();
    const before = this.#logged.get(eventName);
    const events = (before?.events ?? 0) + 1;
    if (before !== undefined && nowMs - before.atMs < logPauseMs) {
      before.events = events;
      return;
    }
    this.#logged.set(eventName, { atMs: nowMs, events: 0 });
    const what = isRefused ? "event refused: properties do not fit the schema" : "properties do not fit the schema";
    log.warn({ event_name: eventName, fault, events }, what);
  }
}
