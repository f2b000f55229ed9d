/**
 * An erasure from request to receipt.
 *
 * Invariants:
 * - The request is durable before the first event is removed. A restart resumes it, so an erasure that has begun always
 *   finishes.
 * - Events are counted before the last file that holds them is removed; the receipt is written after that.
 * - Each step is idempotent: a segment without such events is not found again.
 * - After the count no current segment is touched. Matching events that are accepted later stay.
 */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { removeIfThere, renameDurably, syncFolder } from "../base/durable.ts";
import { isExpected, messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { RefusedStore } from "../refused/refused-store.ts";
import { type PersonIds, PersonIdsDamaged } from "../store/catalog/erased-person.ts";
import {
  decidedIds,
  type Erasure,
  type ErasureRequest,
  erasureCondition,
  finishErasure,
  hashOfRequest,
  keepErasure,
  renameDamagedErasure,
} from "../store/catalog/erasures.ts";
import type { ErasureReceipt } from "../store/catalog/views.ts";
import { currentSegments } from "../store/folder/current.ts";
import { listNames } from "../store/folder/layout.ts";
import { type DataFolder, parseSegmentName, unfinishedSuffix } from "../store/folder/names.ts";
import { readUnreadable, unreadableAdvice } from "../store/folder/unreadable.ts";
import { hasImportedIds } from "../store/ids/imported-folder.ts";
import { sweepImports } from "../store/sweep.ts";
import type { Found } from "./protocol.ts";
import { countRefused, removeRefused, type Wanted } from "./refused-events.ts";
import { outsideSegments, removeRefusedLines } from "./refused-lines.ts";
import { type RewriteTools, rewriteNext } from "./rewrite-next.ts";
import { ErasureResumed, RewriteBlocked, RewriteFailed, type RewriteGuard, RewriteRefused } from "./rewriter.ts";

/** Readers that opened the catalog before an erasure have this long before replaced files are removed. ms */
const readersMsMax = 5_000;

/** What an erasure works with. */
type EraserOptions = RewriteTools & {
  folder: DataFolder;
  refusedEvents: RefusedStore;
  log: Log;
  graceMs: number;
  /** Time and memory of an SQL condition before the request is recorded. */
  conditions: RewriteGuard;
};

/** How many events an erasure would remove now, and the files that could not be searched. */
export type ErasureForecast = { events: number; notSearched: string[] };

/** A finished erasure, and the files that could not be searched. */
export type ErasureResult = { receipt: ErasureReceipt; notSearched: string[] };

/** Carries out erasures, one at a time. */
export class Eraser {
  readonly #options: EraserOptions;
  /** Events that the erasure under way has found in segments. */
  #counted: { id: string; events: number } | undefined;

  constructor(options: EraserOptions) {
    this.#options = options;
  }

  /**
   * Records an erasure and carries it out. REQUIRES: what was accepted before is sealed. When `signal` aborts before
   * the request is recorded, nothing is done; a recorded erasure runs to its end.
   * @throws RewriteRefused when the condition cannot be evaluated, with nothing changed; RewriteBlocked when a person
   * must act first; ErasureResumed when it is recorded and will be resumed; RewriteFailed when nothing was recorded
   */
  async erase(request: ErasureRequest, by: string | null, signal: AbortSignal): Promise<ErasureResult> {
    const { folder } = this.#options;
    // Nothing is recorded before DuckDB has accepted the condition.
    if ("where" in request) await this.#countInSegments({ request, ids: undefined }, signal);
    if (signal.aborted) throw new RewriteFailed("whoever asked for it has gone");
    const erasure: Erasure = { id: crypto.randomUUID(), by, request, found: null };
    keepErasure(folder, erasure);
    try {
      return await this.finish(erasure);
    } catch (error) {
      if (error instanceof RewriteRefused || error instanceof RewriteBlocked || !isExpected(error)) throw error;
      throw new ErasureResumed(messageOf(error), { cause: error });
    }
  }

  /**
   * Counts what an erasure would remove now, and changes nothing. REQUIRES: what was accepted before is sealed.
   * @throws RewriteRefused when the condition cannot be evaluated; RewriteFailed
   */
  async forecast(request: ErasureRequest, signal: AbortSignal): Promise<ErasureForecast> {
    const { folder } = this.#options;
    const idsTo = join(folder.root, `forecast-ids${unfinishedSuffix}`);
    try {
      const wanted = { request, ids: await this.#decideIds(request, idsTo, signal) };
      const { events } = await this.#countInSegments(wanted, signal);
      const { ids, notSearched } = outsideSegments(folder, wanted);
      const refused = await countRefused(this.#options, wanted);
      const unreadable = readUnreadable(folder).map(({ file }) => `segments/${file}`);
      return {
        events: events + ids.length + refused.events,
        notSearched: [...unreadable, ...notSearched, ...refused.notSearched],
      };
    } finally {
      removeIfThere(idsTo);
    }
  }

  #countInSegments({ request, ids }: Wanted, signal: AbortSignal): Promise<Found> {
    const { conditions, rewriter } = this.#options;
    const files = this.#segments().readable;
    return rewriter.run(
      { kind: "find", request, ids, files, idsTo: undefined, whereItFails: "refuse" },
      { signal, guard: "where" in request ? conditions : undefined },
    );
  }

  /** Writes the anonymous ids of the person whom a request means to a file; undefined if it means no person. */
  async #decideIds(request: ErasureRequest, to: string, signal?: AbortSignal): Promise<PersonIds | undefined> {
    if (!("person" in request)) return undefined;
    const { person } = request;
    const { readable, replaced } = this.#segments();
    const files = readable.filter((file) => !replaced.includes(file));
    return await this.#options.rewriter.run({ kind: "decide ids", person, files, to }, signal && { signal });
  }

  /**
   * Finishes an erasure from whatever step it has reached.
   * @throws RewriteRefused when its file of ids is damaged: its files are renamed, and it has to be sent again
   */
  async finish(recorded: Erasure): Promise<ErasureResult> {
    const { folder, graceMs, log, publisher } = this.#options;
    const { id, by, request } = recorded;
    try {
      const erasure = await this.#withIds(recorded);
      const wanted = { request, ids: decidedIds(folder, erasure) };
      const { events, catalogVersion } = erasure.found ?? (await this.#takeOut(erasure, wanted));
      await Bun.sleep(Math.min(graceMs, readersMsMax));
      await this.#removeBytes(wanted);
      const refused = await countRefused(this.#options, wanted);
      const requestHash = hashOfRequest(request);
      const receipt: ErasureReceipt = { id, erasedAtMs: Date.now(), by, requestHash, events, catalogVersion };
      finishErasure(folder, receipt);
      const notSearched = [...outsideSegments(folder, wanted).notSearched, ...refused.notSearched];
      log.info({ id, by, requestHash, events, notSearched }, "events erased");
      await publisher.publish();
      return { receipt, notSearched };
    } catch (error) {
      // Only the file of ids can be at fault here: a condition that fails on an event does not hold for it.
      if (!(error instanceof RewriteRefused || error instanceof PersonIdsDamaged) || !("person" in request))
        throw error;
      renameDamagedErasure(folder);
      throw new RewriteRefused(`the erasure cannot continue: ${error.message}`, { cause: error });
    } finally {
      removeIfThere(idsPath(folder));
    }
  }

  /**
   * Decides once which anonymous ids belong to the person whom the request means, and records them: after the first
   * rewrite nobody could tell. An unreadable segment may hold the event that connects an id with the user.
   */
  async #withIds(erasure: Erasure): Promise<Erasure> {
    const { folder } = this.#options;
    if (erasure.found !== null) return erasure;
    await this.#requireReadable();
    if (erasure.ids !== undefined) return erasure;
    const unfinished = folder.erasureIds + unfinishedSuffix;
    const decided = await this.#decideIds(erasure.request, unfinished);
    if (decided === undefined) return erasure;
    renameDurably({ from: unfinished, to: folder.erasureIds });
    const recorded = { ...erasure, ids: decided.count };
    keepErasure(folder, recorded);
    return recorded;
  }

  /** Removes the events from the current segments and from the catalog, and records how many there were. */
  async #takeOut(erasure: Erasure, wanted: Wanted): Promise<NonNullable<Erasure["found"]>> {
    const { folder, publisher } = this.#options;
    const { request, ids } = wanted;
    const { files, events: seen } = await this.#find(wanted, this.#segments().readable);
    // After a failed try some of the replaced segments may be gone, and with them what was counted there. After a
    // restart they are all there: their grace time begins again.
    const inSegments = Math.max(seen, this.#counted?.id === erasure.id ? this.#counted.events : 0);
    this.#counted = { id: erasure.id, events: inSegments };
    const keep = `NOT coalesce(${erasureCondition(request)}, false)`;
    // Each rewrite replaces some of the files. Files that are replaced already are only removed later.
    while ((await rewriteNext(this.#options, { kind: "keep", keep, files }, { ids })) !== undefined);
    const refused = await countRefused(this.#options, wanted);
    const events = inSegments + outsideSegments(folder, wanted).ids.length + refused.events;
    const found = { events, catalogVersion: await publisher.publish() };
    keepErasure(folder, { ...erasure, found });
    return found;
  }

  /**
   * An unreadable segment blocks the erasure: it may hold some of the events, and the receipt would say that they are
   * gone.
   * @throws RewriteBlocked naming the segments
   */
  async #requireReadable(): Promise<void> {
    const { unreadable } = await this.#options.keeper.ask({ kind: "inspect" });
    if (unreadable.length === 0) return;
    const [first = ""] = unreadable;
    throw new RewriteBlocked(
      `The erasure is written down, and waits: ${unreadable.join(", ")} cannot be read and may hold some of the events. ` +
        `Either ${unreadableAdvice(first)}; the erasure goes on by itself then`,
    );
  }

  /** File names of all readable segments, and of those among them that are replaced. */
  #segments(): { readable: string[]; replaced: string[] } {
    const { folder } = this.#options;
    const unreadable = new Set(readUnreadable(folder).map(({ file }) => file));
    const readable = listNames(folder.segments, parseSegmentName).filter(({ file }) => !unreadable.has(file));
    return {
      readable: readable.map(({ file }) => file),
      replaced: currentSegments(readable).replaced.map(({ file }) => file),
    };
  }

  #find(wanted: Wanted, files: string[]): Promise<Found> {
    const { folder, rewriter } = this.#options;
    return rewriter.run({ kind: "find", ...wanted, files, idsTo: idsPath(folder), whereItFails: "skip" });
  }

  /** Removes what still holds the events: ids in the id logs, refused lines, and last the replaced segments. */
  async #removeBytes(wanted: Wanted): Promise<void> {
    const { folder, shards, rewriter } = this.#options;
    const { files } = await this.#find(wanted, this.#segments().replaced);
    const { ids } = outsideSegments(folder, wanted);
    appendFileSync(idsPath(folder), ids.map((id) => `${id}\n`).join(""));
    await shards.forget(idsPath(folder));
    // Without imported ids no process need start.
    if (hasImportedIds(folder)) await rewriter.run({ kind: "forget imported ids", path: idsPath(folder) });
    await shards.imported({ step: "reload" });
    removeIfThere(idsPath(folder));
    removeRefusedLines(folder, wanted);
    await removeRefused(this.#options, wanted);
    // Removes what an interrupted import left. An import that runs now starts its piece again.
    sweepImports(folder);
    for (const file of files) removeIfThere(join(folder.segments, file));
    syncFolder(folder.segments);
  }
}

const idsPath = (folder: DataFolder) => join(folder.root, `erased-ids${unfinishedSuffix}`);
