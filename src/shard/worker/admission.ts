/**
 * Admits valid rows to the open group, or answers that there is no room for them.
 *
 * Invariants:
 * - Nothing fails between claiming an id and joining a group: room is reserved before.
 * - Accepted and unsealed events of all shards stay within the buffer's bound.
 * - A request that waits for another shard's pending id holds room, but no id.
 */
import type { OverloadReason } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { Time } from "../../base/time.ts";
import type { Row } from "../../event/line/row.ts";
import type { Board } from "../board.ts";
import { IdList } from "../ids/id-list.ts";
import type { ClaimOutcome, IdTable } from "../ids/id-table.ts";
import type { ImportedIds } from "../ids/imported-ids.ts";
import type { Admitted, Joined } from "./admitted.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { IngestedRows } from "./ingest.ts";
import type { OpenGroup } from "./open-group.ts";

/**
 * A request whose id is pending in another shard retries every `pauseMs` and gives up after `giveUpMs`: the other
 * requests of its message wait with it, and the other shard's disk may hang.
 */
const claimRetry = { pauseMs: 2, giveUpMs: 500 };

/**
 * Every conflict is counted, but at most one is logged in this time: a client that retries must not fill the log. ms
 */
const conflictLogMs = 1_000;

/** What admission needs. */
type AdmissionOptions = {
  log: Log;
  time: Time;
  groups: GroupCommit;
  idTable: IdTable;
  importedIds: ImportedIds;
  /** This shard's board. */
  board: Board;
  /** The boards of all shards, including this one. */
  boards: readonly Board[];
  bufferEventsMax: number;
};

/** Admits rows, until it is closed. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #waiting = new Set<IngestedRows>();
  readonly #ids = new IdList();
  #isClosed = false;
  #conflictLoggedMs = Number.NEGATIVE_INFINITY;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Events that all shards accepted or are about to accept, and have not sealed. */
  get reserved(): number {
    let reserved = 0;
    for (const board of this.#options.boards) reserved += board.reserved;
    return reserved;
  }

  /** Admits nothing from now on. */
  close(): void {
    this.#isClosed = true;
  }

  /** Admits valid rows to the open group, unless there is no room or no journal for them. */
  admit(ingested: IngestedRows): Admitted | Promise<Admitted> {
    const refusal = this.#refusal() ?? this.#reserveRoom(ingested.rows.length);
    if (refusal !== undefined) return { kind: "overloaded", reason: refusal };
    return this.#join(ingested) ?? this.#retryJoin(kept(ingested));
  }

  #refusal(): OverloadReason | undefined {
    if (this.#isClosed) return "stopping";
    return this.#options.groups.isBroken ? "journal_failed" : undefined;
  }

  /** Reserves first and checks then: two shards may both refuse, but can never go past the bound together. */
  #reserveRoom(events: number): OverloadReason | undefined {
    const { board, bufferEventsMax } = this.#options;
    board.reserve(events);
    if (this.reserved <= bufferEventsMax) return undefined;
    board.reserve(-events);
    return "buffer_full";
  }

  /**
   * Joins the open group with reserved room; undefined while an id of the request is pending in another shard, or being
   * imported.
   */
  #join(ingested: IngestedRows): Joined | undefined {
    const { board, groups } = this.#options;
    const { form, receivedAt, rows, lines, refused } = ingested;
    const outcomes = this.#claim(this.#idsOf(rows));
    if (outcomes === undefined) return undefined;
    const group = groups.join();
    group.tally.noteReceived(ingested.receivedAtMs);
    let claim = 0;
    let added = 0;
    let from = 0;
    for (const row of rows) {
      const at = from;
      from += row.bytes;
      const outcome = row.content === undefined ? "claimed" : outcomes[claim++];
      if (outcome === "claimed") {
        group.add(row, lines, at);
        added++;
      } else {
        group.duplicates++;
        if (outcome === "conflict") this.#noteConflict(group, row);
      }
    }
    board.reserve(added - rows.length);
    const body = form.answer({ rows, duplicates: rows.length - added, receivedAt, refused });
    return { kind: "accepted", body, durable: group.durable };
  }

  /** The client-made ids of the rows, valid until the next call; undefined when there are none. */
  #idsOf(rows: readonly Row[]): IdList | undefined {
    const ids = this.#ids;
    ids.clear();
    for (const { content, eventId } of rows) if (content !== undefined) ids.add(eventId, content);
    return ids.count === 0 ? undefined : ids;
  }

  /**
   * Returns the outcome of each id; undefined while one is pending in another shard or held by an import, or the table
   * has no room.
   */
  #claim(ids: IdList | undefined): readonly ClaimOutcome[] | undefined {
    if (ids === undefined) return noOutcomes;
    const { idTable, importedIds } = this.#options;
    const imported = importedIds.look(ids);
    if (imported === undefined) return idTable.claim(ids);
    if (imported === "wait") return undefined;
    const claimed = idTable.claim(ids.without(imported));
    if (claimed === undefined) return undefined;
    let next = 0;
    return Array.from(imported, (isKnown) => (isKnown === 1 ? "duplicate" : (claimed[next++] ?? "duplicate")));
  }

  /** When the oldest request that still waits for an id was received; undefined when none waits. ms since 1970 */
  get oldestWaitingMs(): number | undefined {
    return this.#waiting.size === 0 ? undefined : Math.min(...this.#waiting.values().map((each) => each.receivedAtMs));
  }

  async #retryJoin(ingested: IngestedRows): Promise<Admitted> {
    this.#waiting.add(ingested);
    try {
      return await this.#joinLater(ingested);
    } finally {
      this.#waiting.delete(ingested);
    }
  }

  async #joinLater(ingested: IngestedRows): Promise<Admitted> {
    // An event with this id was sent before and may be stored.
    let refusal: OverloadReason = "commit_late";
    const { time } = this.#options;
    const startMs = time.monotonicMs();
    while (time.monotonicMs() - startMs < claimRetry.giveUpMs) {
      await time.sleep(claimRetry.pauseMs);
      const late = this.#refusal();
      if (late !== undefined) {
        refusal = late;
        break;
      }
      const joined = this.#join(ingested);
      if (joined !== undefined) return joined;
    }
    this.#options.board.reserve(-ingested.rows.length);
    return { kind: "overloaded", reason: refusal };
  }

  #noteConflict(group: OpenGroup, row: Row): void {
    const { time, log } = this.#options;
    group.conflicts++;
    const nowMs = time.monotonicMs();
    if (nowMs - this.#conflictLoggedMs < conflictLogMs) return;
    this.#conflictLoggedMs = nowMs;
    log.warn({ eventId: row.eventId }, "event_id repeated with other content; the first one stays");
  }
}

const noOutcomes: readonly ClaimOutcome[] = [];

/** The same rows, with lines that stay. */
const kept = (ingested: IngestedRows): IngestedRows => ({
  ...ingested,
  lines: Buffer.from(ingested.lines.subarray(0, ingested.linesBytes)),
});
