/**
 * What a shard may ask the keeper, answered without DuckDB: a segment is a name in the folder and its rows in memory.
 * It seals late, and fails before or after its commit, when a test says so.
 */
import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type Sequence, sequence } from "../../src/base/brand.ts";
import { SegmentNotSealed } from "../../src/base/errors.ts";
import type { Time } from "../../src/base/time.ts";
import { type RowHead, readRowHead } from "../../src/event/line/row.ts";
import { fileReader } from "../../src/journal/file-reader.ts";
import type { KeeperForShards } from "../../src/keeper/protocol.ts";
import { covers } from "../../src/store/folder/current.ts";
import {
  currentFormat,
  type DataFolder,
  parseJournalName,
  type SegmentName,
  segmentName,
} from "../../src/store/folder/names.ts";
import { nothingSealed } from "../../src/store/segment/rollup.ts";
import type { SealedRows, SegmentSource } from "../../src/store/segment/segment.ts";

/**
 * How one seal goes: its commit is this much later, its answer this much after that; it fails on one side of the
 * commit, or not.
 */
export type SealManner = { commitsAfterMs: number; answersAfterMs: number; fails: "before" | "after" | "not" };

/** A row that is sealed. */
export type SealedRow = { head: RowHead; eventName: string };

/** The keeper of one folder; it outlives the shards that ask it. */
export class ModelKeeper {
  readonly #folder: DataFolder;
  readonly #time: Time;
  readonly #manner: () => SealManner;
  readonly #underWay = new Set<Promise<unknown>>();
  /** In the order of their commits. */
  readonly segments: { name: SegmentName; rows: SealedRow[] }[] = [];

  constructor(folder: DataFolder, time: Time, manner: () => SealManner) {
    this.#folder = folder;
    this.#time = time;
    this.#manner = manner;
  }

  /** The keeper, as a shard that may end sees it: after its end no answer comes. */
  askedBy(asker: { isAlive: boolean }): KeeperForShards {
    const whileAlive = async <Answer>(answer: Promise<Answer>): Promise<Answer> => {
      this.#underWay.add(answer);
      try {
        return await answer;
      } finally {
        this.#underWay.delete(answer);
        if (!asker.isAlive) await new Promise(() => undefined);
      }
    };
    return {
      settle: async () => {
        await Promise.allSettled(this.#underWay);
        return undefined;
      },
      seal: (source) => whileAlive(this.#seal(source)),
      check: async (path) => this.segments.find(({ name }) => segmentName(name) === basename(path))?.rows.length ?? 0,
      noteLost: async () => undefined,
      count: async (stretches, window) => {
        const counts = nothingSealed();
        for (const { name, rows } of this.segments)
          if (stretches.some(({ shard, before }) => shard === name.shard && name.from < before))
            for (const { head } of rows) {
              counts.byCategory[head.category] = (counts.byCategory[head.category] ?? 0) + 1;
              if (head.hour >= window.from && head.hour < window.to)
                counts.byHour.set(head.hour, (counts.byHour.get(head.hour) ?? 0) + 1);
            }
        return counts;
      },
    };
  }

  async #seal(source: SegmentSource): Promise<SealedRows> {
    const { commitsAfterMs, answersAfterMs, fails } = this.#manner();
    await this.#time.sleep(commitsAfterMs);
    if (fails === "before") throw new SegmentNotSealed("the disk is full");
    const to = this.#sealedBefore(source) ?? this.#commit(source);
    await this.#time.sleep(answersAfterMs);
    if (fails === "after") throw new SegmentNotSealed("the segment's name was not synced");
    return { to, refused: [] };
  }

  /** Up to where a segment has the rows already, from the first one on. */
  #sealedBefore(source: SegmentSource): Sequence | undefined {
    const starts = source.files.map((file) => parseJournalName(basename(file))?.from ?? source.from);
    const ends = [...starts.slice(1).map((start) => sequence(start - 1)), source.to].reverse();
    const sealed = ends.find((to) => this.segments.some(({ name }) => covers(name, { ...source, to })));
    const isTouched = this.segments.some(
      ({ name }) => name.shard === source.shard && name.from <= source.to && source.from <= name.to,
    );
    if (isTouched && sealed === undefined) throw new Error("a segment has some of the events, and not whole files");
    return sealed;
  }

  #commit({ shard, from, to, files, rows }: SegmentSource): Sequence {
    const sealed = files
      .flatMap((file) => [...fileReader.rowsOf(file)])
      .map((line) => ({ head: readRowHead(line), eventName: String(JSON.parse(String(line)).event_name) }));
    if (sealed.length !== rows || rows !== to - from + 1)
      throw new Error(`${files.length} files have ${sealed.length} rows, not ${rows} of events ${from} to ${to}`);
    const name = { shard, from, to, generation: 0, format: currentFormat, crc32: 0 };
    this.segments.push({ name, rows: sealed });
    writeFileSync(join(this.#folder.segments, segmentName(name)), "");
    return to;
  }
}
