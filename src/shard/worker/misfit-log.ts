/**
 * Events whose properties did not fit their schema: counted on the board, and logged. A client that sends such events
 * for hours must not fill the log.
 */
import type { Log } from "../../base/log.ts";
import type { Time } from "../../base/time.ts";
import type { Misfit, Misfits } from "../../schema/set.ts";
import type { Board } from "../board.ts";

/** At most one line for each event name in this time. Names that have a schema are few. ms */
const logPauseMs = 60_000;

type Given = { board: Board; log: Log; time: Pick<Time, "monotonicMs"> };

/** Counts and logs for one shard. */
export class MisfitLog {
  readonly #given: Given;
  readonly #logged = new Map<string, { atMs: number; events: number }>();

  constructor(given: Given) {
    this.#given = given;
  }

  /** Counts and logs the events of a body that did not fit. */
  note({ misfits, isRefused }: Misfits): void {
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
