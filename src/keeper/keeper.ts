/** The keeper's state and its jobs. They run one at a time; only flushes run beside them. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { renameDurably, syncFolder } from "../base/durable.ts";
import { DataFolderRefused } from "../base/errors.ts";
import { invariant, unreachable } from "../base/invariant.ts";
import type { Log } from "../base/log.ts";
import { readTypedEvents } from "../store/catalog/kept-typed-views.ts";
import { CatalogWriter, publishedVersion } from "../store/catalog/publish.ts";
import { readReceipts } from "../store/catalog/receipts.ts";
import { refusedFilesIn } from "../store/catalog/refused-view.ts";
import type { ShardWatermark } from "../store/catalog/views.ts";
import { currentSegments } from "../store/folder/current.ts";
import { listNames, refusedEventsIn } from "../store/folder/layout.ts";
import { keepSealedTo } from "../store/folder/missing.ts";
import { type DataFolder, parseSegmentName, type SegmentName, segmentName } from "../store/folder/names.ts";
import { ReplacedSegments } from "../store/folder/replaced.ts";
import { fileState } from "../store/folder/unreadable.ts";
import { type RebuiltIds, rebuildIds } from "../store/ids/rebuild.ts";
import { Inspector } from "../store/inspect.ts";
import { faultOf, KnownSegments } from "../store/segment/known.ts";
import { planDrop } from "../store/segment/plan-drop.ts";
import { mergeLimits, planFullMerge, planKeep, planMerge } from "../store/segment/plan-merge.ts";
import { type Quarantined, quarantine } from "../store/segment/quarantine.ts";
import { sealSoundLines } from "../store/segment/refused-lines.ts";
import type { Rewrite, Rewritten } from "../store/segment/rewrite.ts";
import { countSealed, type HourWindow, type SealedCounts } from "../store/segment/rollup.ts";
import type { SealedRows, SegmentSource } from "../store/segment/segment.ts";
import type { DuckDB } from "../store/sql/duckdb.ts";
import type { FolderInspection, RewriteWish, ShardHoldings, ShardStretch } from "./protocol.ts";

/**
 * Each inspection compares about this many bytes of segments with their checksums: at 13 MB/s the disk stays free for
 * others. Bytes.
 */
const scrubBytes = 64 * 1024 * 1024;

/** Knows what is sealed. Nothing else gives a segment its name or takes it away. */
export class Keeper {
  readonly #folder: DataFolder;
  readonly #log: Log;
  readonly #known: KnownSegments;
  readonly #replaced: ReplacedSegments;
  readonly #inspector: Inspector;
  readonly #catalog: CatalogWriter;
  #version: number | undefined;
  /** Segments that the catalog names. */
  #published: ReadonlySet<string> = new Set();

  constructor(folder: DataFolder, log: Log) {
    this.#folder = folder;
    this.#log = log;
    this.#known = new KnownSegments(folder);
    this.#replaced = new ReplacedSegments(folder);
    this.#inspector = new Inspector(folder);
    this.#catalog = new CatalogWriter(folder);
  }

  /**
   * Seals these rows into a segment, unless one has them.
   * @throws SegmentNotSealed for failures that may pass
   */
  async seal(duckdb: DuckDB, source: SegmentSource): Promise<SealedRows> {
    const { rows, segment } = await sealSoundLines(duckdb, { folder: this.#folder, log: this.#log, source });
    if (segment !== undefined) this.#known.add(segment);
    return rows;
  }

  /**
   * Writes the catalog of what is sealed now. For a shard without a watermark, `freshness` shows NULL: nothing is
   * promised.
   */
  async publish(duckdb: DuckDB, { watermarks, nowMs }: { watermarks: readonly ShardWatermark[]; nowMs: number }) {
    const segments = await this.#known.list(duckdb);
    // Before the catalog: the note may be ahead of the catalog, and never behind it.
    keepSealedTo(
      this.#folder,
      segments.map(({ name }) => name),
    );
    const erasures = readReceipts(this.#folder);
    const before = this.#version ?? (await publishedVersion(duckdb, this.#folder));
    const version = Math.max(before, ...erasures.map(({ catalogVersion }) => catalogVersion)) + 1;
    await this.#catalog.publish(duckdb, {
      root: this.#folder.root,
      segments: segments.map(({ file, name, bytes }) => ({ file, shard: name.shard, bytes })),
      unsealed: undefined,
      watermarks,
      erasures,
      // A pattern must match a file.
      refusedFiles: refusedFilesIn(this.#folder.root, refusedEventsIn(this.#folder)),
      typedEvents: readTypedEvents(this.#folder),
      version,
      publishedAtMs: nowMs,
    });
    this.#version = version;
    this.#published = new Set(segments.map(({ file }) => file));
    const holdings = watermarks.map(({ shard, watermarkMs }): ShardHoldings => {
      const own = segments.filter(({ name }) => name.shard === shard);
      const events = own.reduce((sum, { summary }) => sum + summary.events, 0);
      return {
        shard,
        watermarkMs,
        events,
        segments: own.length,
        bytes: own.reduce((sum, { bytes }) => sum + bytes, 0),
      };
    });
    return { version, holdings };
  }

  /**
   * Adds up what is sealed of the stretches. Segments found unreadable meanwhile are left out.
   * @throws DataFolderRefused when a segment crosses the end of a stretch, because of a merge since the request: the
   * caller asks again
   */
  async count(duckdb: DuckDB, stretches: readonly ShardStretch[], window: HourWindow): Promise<SealedCounts> {
    for (;;) {
      const counted = await this.#segmentsIn(duckdb, stretches);
      const pathOf = (file: string) => join(this.#folder.segments, file);
      try {
        return await countSealed(duckdb, counted.map(pathOf), window);
      } catch (error) {
        if (!(await this.#hasFoundUnreadable(duckdb, counted, window))) throw error;
      }
    }
  }

  /** Names of the readable segments within the stretches. */
  async #segmentsIn(duckdb: DuckDB, stretches: readonly ShardStretch[]): Promise<string[]> {
    const current = await this.#known.list(duckdb);
    const files: string[] = [];
    for (const { shard, before } of stretches)
      for (const { file, name } of current) {
        if (name.shard !== shard || name.from >= before) continue;
        if (name.to >= before) throw new DataFolderRefused(`${file} lies across sequence ${before}`);
        files.push(file);
      }
    return files;
  }

  /**
   * Counts the segments one by one and marks those that fail as unreadable, so that they are left out from now on.
   * Returns true if there was one.
   */
  async #hasFoundUnreadable(duckdb: DuckDB, files: readonly string[], window: HourWindow): Promise<boolean> {
    let hasFound = false;
    for (const file of files) {
      const path = join(this.#folder.segments, file);
      try {
        await countSealed(duckdb, [path], window);
      } catch (error) {
        if (fileState(path) === undefined) continue;
        this.#known.markUnreadable(file, faultOf(error, path));
        hasFound = true;
      }
    }
    return hasFound;
  }

  /** Inspects the folder for what a person should know. */
  async inspect(duckdb: DuckDB): Promise<FolderInspection> {
    await this.#known.scrub(scrubBytes);
    await this.#known.list(duckdb);
    const { warnings, missing } = this.#inspector.look(this.#known.unreadable);
    return {
      warnings,
      missing,
      unreadable: this.#known.unreadable.map(({ file }) => file),
    };
  }

  /** Restores ids that the id logs have lost, from the segments. REQUIRES: no shard has started. */
  async rebuildIds(duckdb: DuckDB, idsMax: number): Promise<RebuiltIds> {
    const segments = await this.#known.list(duckdb);
    const isComplete = this.#known.unreadable.length === 0;
    return rebuildIds(duckdb, this.#folder, { segments, idsMax, isComplete });
  }

  /** Puts a segment into quarantine, or returns why not. */
  quarantine(duckdb: DuckDB, segment: string): Promise<Quarantined> {
    return quarantine(duckdb, this.#folder, segment);
  }

  /** The next rewrite that is due; undefined if none is. */
  async plan(duckdb: DuckDB, wish: RewriteWish): Promise<Rewrite | undefined> {
    const segments = await this.#known.listSettled(duckdb);
    switch (wish.kind) {
      case "merge":
        return planMerge(segments, mergeLimits);
      case "full merge":
        return planFullMerge(segments, mergeLimits, (name) => isWithin(wish.stretches, name));
      case "drop":
        return planDrop(segments, wish.cutoffMs);
      case "keep":
        return planKeep(segments, new Set(wish.files), { keep: wish.keep, limits: mergeLimits });
      default:
        return unreachable(wish);
    }
  }

  /** Gives a rewritten segment its name, unless it has it already. From then on its sources are replaced. */
  adopt({ unfinished, name, events }: Rewritten): void {
    const path = join(this.#folder.segments, segmentName(name));
    if (!existsSync(unfinished) && existsSync(path)) {
      // An earlier keeper died between the rename and its answer, so the request came again. The name may not be
      // durable yet.
      syncFolder(this.#folder.segments);
      return;
    }
    const { current } = currentSegments(listNames(this.#folder.segments, parseSegmentName));
    const replaced = current.filter(
      (each) => each.name.shard === name.shard && each.name.from <= name.to && name.from <= each.name.to,
    );
    invariant(
      replaced.every((each) => each.name.from >= name.from && each.name.to <= name.to),
      "a rewrite covers whole segments",
    );
    renameDurably({ from: unfinished, to: path });
    this.#log.info({ segment: segmentName(name), events, replaces: replaced.length }, "segments rewritten");
  }

  /** Removes replaced segments whose grace time is over, and returns their names. */
  sweep(graceMs: number): string[] {
    return this.#replaced.remove({ monotonicMs: systemClock.monotonicMs(), graceMs, published: this.#published });
  }
}

const isWithin = (stretches: readonly ShardStretch[], { shard, to }: SegmentName) =>
  stretches.some((stretch) => stretch.shard === shard && to < stretch.before);
