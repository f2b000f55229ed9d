/**
 * An erasure from request to receipt.
 *
 * Invariants:
 * - What was asked is durable before the first event goes, and a restart goes on with it: once begun it comes to its end.
 * - Events are counted before the last file that holds them goes, and the receipt comes after.
 * - Each step can be done again: a segment that is without them is not found again.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { ActorHost } from "../actor/host.ts";
import { removeIfThere, syncFolder } from "../base/durable.ts";
import type { Log } from "../base/log.ts";
import type { KeeperReplies, KeeperRequest } from "../keeper/protocol.ts";
import type { Publisher } from "../keeper/publisher.ts";
import type { AllShards } from "../shard/all-shards.ts";
import type { ErasureReceipt } from "../store/catalog-views.ts";
import {
  type Erasure,
  type ErasureRequest,
  erasureCondition,
  finishErasure,
  hashOfRequest,
  keepErasure,
} from "../store/erasures.ts";
import { listNames } from "../store/layout.ts";
import { type DataFolder, parseSegmentName, unfinishedSuffix } from "../store/names.ts";
import { keptAside, removeKeptAside } from "./kept-aside.ts";
import type { Found } from "./protocol.ts";
import type { Rewriter } from "./rewriter.ts";

/** Who has opened the catalog before an erasure gets this long to be done with files that go. ms */
const readersMsMax = 5_000;

/** What an erasure is carried out with. */
type EraserOptions = {
  folder: DataFolder;
  log: Log;
  keeper: ActorHost<KeeperRequest, KeeperReplies>;
  publisher: Publisher;
  shards: AllShards;
  rewriter: Rewriter;
  graceMs: number;
};

/** A finished erasure, and the files that could not be looked through. */
export type ErasureResult = { receipt: ErasureReceipt; notSearched: string[] };

/** Carries out erasures, one at a time. */
export class Eraser {
  readonly #options: EraserOptions;

  constructor(options: EraserOptions) {
    this.#options = options;
  }

  /**
   * Erases from the beginning. REQUIRES: what was accepted before is sealed.
   * @throws RewriteRefused when the condition cannot be evaluated, nothing is changed then; RewriteFailed or ActorDied when it goes on at the next start
   */
  async erase(request: ErasureRequest, by: string | null): Promise<ErasureResult> {
    const { folder } = this.#options;
    // Nothing is written down before DuckDB has taken the condition.
    await this.#find(request);
    const erasure: Erasure = { id: crypto.randomUUID(), by, request, found: null };
    await keepErasure(folder, erasure);
    return this.finish(erasure);
  }

  /** Brings an erasure to its end, wherever it stands. */
  async finish(erasure: Erasure): Promise<ErasureResult> {
    const { folder, graceMs, log, publisher, shards } = this.#options;
    const { id, by, request } = erasure;
    const { files, events: inSegments } = await this.#find(request);
    await this.#rewriteCurrent(request, files);
    await shards.recount();
    const events = erasure.found?.events ?? inSegments + keptAside(folder, request).lines;
    const catalogVersion = erasure.found?.catalogVersion ?? (await publisher.publish());
    await keepErasure(folder, { ...erasure, found: { events, catalogVersion } });
    await Bun.sleep(Math.min(graceMs, readersMsMax));
    await this.#removeBytes(request);
    const requestHash = hashOfRequest(request);
    const receipt: ErasureReceipt = { id, erasedAtMs: Date.now(), by, requestHash, events, catalogVersion };
    finishErasure(folder, receipt);
    log.info({ id, events }, "events erased");
    await publisher.publish();
    return { receipt, notSearched: keptAside(folder, request).notSearched };
  }

  /** Looks through every segment that is there, current or replaced. */
  #find(request: ErasureRequest): Promise<Found> {
    const { folder, rewriter } = this.#options;
    const files = listNames(folder.segments, parseSegmentName).map(({ file }) => file);
    return rewriter.run({ kind: "find", request, files, idsTo: idsPath(folder) });
  }

  async #rewriteCurrent(request: ErasureRequest, files: string[]): Promise<void> {
    const { keeper, rewriter } = this.#options;
    const keep = `NOT coalesce(${erasureCondition(request)}, false)`;
    for (;;) {
      // Each rewrite replaces some of the files; those that are replaced already only go.
      const rewrite = await keeper.ask({ kind: "plan", wish: { kind: "keep", keep, files } });
      if (rewrite === undefined) return;
      const rewritten = await rewriter.run({ kind: "rewrite", rewrite });
      await keeper.ask({ kind: "adopt", rewritten });
    }
  }

  /** Takes what still holds them: ids in the id logs, lines kept aside, and at last the replaced segments. */
  async #removeBytes(request: ErasureRequest): Promise<void> {
    const { folder, shards } = this.#options;
    const { files } = await this.#find(request);
    await shards.forget(idsPath(folder));
    removeIfThere(idsPath(folder));
    removeKeptAside(folder, request);
    // What an import that ended half-way left; one that runs now begins its piece anew.
    for (const file of readdirSync(folder.imports)) removeIfThere(join(folder.imports, file));
    for (const file of files) removeIfThere(join(folder.segments, file));
    syncFolder(folder.segments);
  }
}

const idsPath = (folder: DataFolder) => join(folder.root, `erased-ids${unfinishedSuffix}`);
