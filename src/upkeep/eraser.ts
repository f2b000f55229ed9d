/**
 * An erasure from request to receipt.
 *
 * Invariants:
 * - What was asked is durable before the first event goes, and a restart goes on with it: once begun it comes to its
 *   end.
 * - Events are counted before the last file that holds them goes, and the receipt comes after.
 * - Each step can be done again: a segment that is without them is not found again.
 * - Once they are counted, what is accepted meanwhile stays, though it be like them: no current segment is touched any
 *   more.
 */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { removeIfThere, syncFolder } from "../base/durable.ts";
import type { Log } from "../base/log.ts";
import {
  type Erasure,
  type ErasureRequest,
  erasureCondition,
  finishErasure,
  hashOfRequest,
  keepErasure,
} from "../store/catalog/erasures.ts";
import type { ErasureReceipt } from "../store/catalog/views.ts";
import { currentSegments } from "../store/folder/current.ts";
import { listNames } from "../store/folder/layout.ts";
import { type DataFolder, parseSegmentName, unfinishedSuffix } from "../store/folder/names.ts";
import { readUnreadable, unreadableAdvice } from "../store/folder/unreadable.ts";
import { sweepImports } from "../store/sweep.ts";
import type { Found } from "./protocol.ts";
import { outsideSegments, removeRefusedLines } from "./refused-lines.ts";
import { type RewriteTools, rewriteNext } from "./rewrite-next.ts";
import { RewriteBlocked, RewriteFailed, type RewriteGuard } from "./rewriter.ts";

/** Who has opened the catalog before an erasure gets this long to be done with files that go. ms */
const readersMsMax = 5_000;

/** What an erasure is carried out with. */
type EraserOptions = RewriteTools & {
  folder: DataFolder;
  log: Log;
  graceMs: number;
  /** What an SQL condition may take before it is written down. */
  conditions: RewriteGuard;
};

/** How many events an erasure would remove now, and the files that could not be looked through. */
export type ErasureForecast = { events: number; notSearched: string[] };

/** A finished erasure, and the files that could not be looked through. */
export type ErasureResult = { receipt: ErasureReceipt; notSearched: string[] };

/** Carries out erasures, one at a time. */
export class Eraser {
  readonly #options: EraserOptions;

  constructor(options: EraserOptions) {
    this.#options = options;
  }

  /**
   * Erases from the beginning. REQUIRES: what was accepted before is sealed. Once `signal` says that nobody waits,
   * nothing more is done; but what is written down is carried out.
   * @throws RewriteRefused when the condition cannot be evaluated, nothing is changed then; RewriteBlocked when a
   * person must do something before it can go on; RewriteFailed or ActorDied when it goes on by itself
   */
  async erase(request: ErasureRequest, by: string | null, signal: AbortSignal): Promise<ErasureResult> {
    const { folder } = this.#options;
    // Nothing is written down before DuckDB has taken the condition.
    await this.#forecast(request, signal);
    if (signal.aborted) throw new RewriteFailed("whoever asked for it has gone");
    const erasure: Erasure = { id: crypto.randomUUID(), by, request, found: null };
    keepErasure(folder, erasure);
    return await this.finish(erasure);
  }

  /**
   * Counts what an erasure would remove now, and changes nothing. REQUIRES: what was accepted before is sealed.
   * @throws RewriteRefused when the condition cannot be evaluated; RewriteFailed
   */
  async forecast(request: ErasureRequest, signal: AbortSignal): Promise<ErasureForecast> {
    const { events } = await this.#forecast(request, signal);
    const { folder } = this.#options;
    const { ids, notSearched } = outsideSegments(folder, request);
    const unreadable = readUnreadable(folder).map(({ file }) => `segments/${file}`);
    return { events: events + ids.length, notSearched: [...unreadable, ...notSearched] };
  }

  #forecast(request: ErasureRequest, signal: AbortSignal): Promise<Found> {
    const { conditions, rewriter } = this.#options;
    const files = this.#segments().readable;
    return rewriter.run(
      { kind: "find", request, files, idsTo: undefined, whereItFails: "refuse" },
      { signal, guard: "where" in request ? conditions : undefined },
    );
  }

  /** Brings an erasure to its end, wherever it stands. */
  async finish(erasure: Erasure): Promise<ErasureResult> {
    const { folder, graceMs, log, publisher } = this.#options;
    const { id, by, request } = erasure;
    try {
      const { events, catalogVersion } = erasure.found ?? (await this.#takeOut(erasure));
      await Bun.sleep(Math.min(graceMs, readersMsMax));
      await this.#removeBytes(request);
      const requestHash = hashOfRequest(request);
      const receipt: ErasureReceipt = { id, erasedAtMs: Date.now(), by, requestHash, events, catalogVersion };
      finishErasure(folder, receipt);
      const { notSearched } = outsideSegments(folder, request);
      log.info({ id, events, notSearched }, "events erased");
      await publisher.publish();
      return { receipt, notSearched };
    } finally {
      removeIfThere(idsPath(folder));
    }
  }

  /** Takes them out of what readers see, and counts them. */
  async #takeOut(erasure: Erasure): Promise<NonNullable<Erasure["found"]>> {
    const { folder, publisher } = this.#options;
    const { request } = erasure;
    await this.#requireReadable();
    const { files, events: inSegments } = await this.#find(request, this.#segments().readable);
    const keep = `NOT coalesce(${erasureCondition(request)}, false)`;
    // Each rewrite replaces some of the files; those that are replaced already only go.
    while ((await rewriteNext(this.#options, { kind: "keep", keep, files })) !== undefined);
    const events = inSegments + outsideSegments(folder, request).ids.length;
    const found = { events, catalogVersion: await publisher.publish() };
    keepErasure(folder, { ...erasure, found });
    return found;
  }

  /**
   * Nothing goes on while a segment cannot be read: it may hold some of the events, and its receipt would say that they
   * are gone.
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

  /** Names of segments: those that can be read, replaced ones too, and the replaced ones. */
  #segments(): { readable: string[]; replaced: string[] } {
    const { folder } = this.#options;
    const unreadable = new Set(readUnreadable(folder).map(({ file }) => file));
    const readable = listNames(folder.segments, parseSegmentName).filter(({ file }) => !unreadable.has(file));
    return {
      readable: readable.map(({ file }) => file),
      replaced: currentSegments(readable).replaced.map(({ file }) => file),
    };
  }

  #find(request: ErasureRequest, files: string[]): Promise<Found> {
    const { folder, rewriter } = this.#options;
    return rewriter.run({ kind: "find", request, files, idsTo: idsPath(folder), whereItFails: "skip" });
  }

  /** Takes what still holds them: ids in the id logs, refused lines, and at last the replaced segments. */
  async #removeBytes(request: ErasureRequest): Promise<void> {
    const { folder, shards, rewriter } = this.#options;
    const { files } = await this.#find(request, this.#segments().replaced);
    const { ids } = outsideSegments(folder, request);
    appendFileSync(idsPath(folder), ids.map((id) => `${id}\n`).join(""));
    await shards.forget(idsPath(folder));
    await rewriter.run({ kind: "forget imported ids", path: idsPath(folder) });
    await shards.imported({ step: "reload" });
    removeIfThere(idsPath(folder));
    removeRefusedLines(folder, request);
    // What an import that ended half-way left; one that runs now begins its piece again.
    sweepImports(folder);
    for (const file of files) removeIfThere(join(folder.segments, file));
    syncFolder(folder.segments);
  }
}

const idsPath = (folder: DataFolder) => join(folder.root, `erased-ids${unfinishedSuffix}`);
