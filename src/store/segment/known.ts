/**
 * What the keeper knows about the current segments. Each is opened once, because segments never change.
 *
 * A segment that cannot be read is left out, and the segments that it replaced count again while they still exist. It
 * is opened again once its file has changed.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { checksumOfFile } from "../../base/durable.ts";
import { messageOf } from "../../base/errors.ts";
import { covers, currentSegments } from "../folder/current.ts";
import { listNames } from "../folder/layout.ts";
import { type DataFolder, parseSegmentName, type SegmentName } from "../folder/names.ts";
import { fileState, keepUnreadable, readUnreadable, type UnreadableSegment } from "../folder/unreadable.ts";
import type { DuckDB } from "../sql/duckdb.ts";
import { type DuckDBFailure, duckdbFailureOf } from "../sql/failures.ts";
import { SegmentUnreadable } from "./open-segment.ts";
import { type KnownSegment, readSummary } from "./summary.ts";

/** Files up to this size are compared with their checksum before DuckDB reads them: 4 MiB take 4 ms. Bytes. */
const checkedBytesMax = 4 * 1024 * 1024;

type Listed = { file: string; name: SegmentName };

/** The current segments of a folder, and which of them cannot be read. */
export class KnownSegments {
  readonly #folder: DataFolder;
  #known = new Map<string, KnownSegment>();
  /** The files of `#known` as they were when they were opened. */
  #states = new Map<string, string | undefined>();
  #unreadable = new Map<string, UnreadableSegment>();
  /** Files whose bytes were compared with the checksum in their names. */
  #checked = new Set<string>();

  constructor(folder: DataFolder) {
    this.#folder = folder;
    for (const segment of readUnreadable(folder)) this.#unreadable.set(segment.file, segment);
  }

  /** Adds a segment that was just sealed and opened, so that it is not opened again. */
  add(segment: KnownSegment): void {
    const { file } = segment;
    this.#known.set(file, segment);
    this.#states.set(file, fileState(join(this.#folder.segments, file)));
    this.#checked.add(file);
  }

  /** Segments that cannot be read, as of the last list. */
  get unreadable(): readonly UnreadableSegment[] {
    return [...this.#unreadable.values()];
  }

  /** The current segments that can be read, as the folder names them now, by shard and sequence. */
  async list(duckdb: DuckDB): Promise<KnownSegment[]> {
    const listed = listNames(this.#folder.segments, parseSegmentName);
    this.#forgetChanged(listed);
    for (;;) {
      const { current } = currentSegments(listed.filter(({ file }) => !this.#unreadable.has(file)));
      const known = new Map<string, KnownSegment>();
      for (const segment of current) {
        const found = this.#known.get(segment.file) ?? (await this.#look(duckdb, segment));
        if (found !== undefined) known.set(segment.file, found);
      }
      if (current.some(({ file }) => this.#unreadable.has(file))) continue;
      // One that was added meanwhile is not listed yet.
      const files = new Set(listed.map(({ file }) => file));
      for (const [file, added] of this.#known) if (!files.has(file)) known.set(file, added);
      this.#known = known;
      for (const file of known.keys())
        if (!this.#states.has(file)) this.#states.set(file, fileState(join(this.#folder.segments, file)));
      keepUnreadable(this.#folder, this.unreadable);
      return [...known.values()];
    }
  }

  /** Segments of `list` that may be rewritten: none that an unreadable segment covers, because that may come back. */
  async listSettled(duckdb: DuckDB): Promise<KnownSegment[]> {
    const known = await this.list(duckdb);
    const unreadable = this.unreadable.flatMap(({ file }) => parseSegmentName(file) ?? []);
    return known.filter(({ name }) => !unreadable.some((each) => covers(each, name)));
  }

  /** Notes that a segment cannot be read. */
  markUnreadable(file: string, why: string): void {
    const state = fileState(join(this.#folder.segments, file));
    // Replaced and removed meanwhile.
    if (state === undefined) return;
    this.#known.delete(file);
    this.#unreadable.set(file, { file, why, state });
  }

  /** Compares segments with their checksums, those not compared yet, until about this many bytes are read. */
  async scrub(bytesMax: number): Promise<void> {
    let bytes = 0;
    for (const { file, name } of [...this.#known.values()]) {
      if (this.#checked.has(file)) continue;
      const path = join(this.#folder.segments, file);
      const state = fileState(path);
      if (state === undefined) continue;
      bytes += statSync(path).size;
      if ((await checksumOfFile(path)) !== name.crc32) this.markUnreadable(file, checksumFault);
      else this.#checked.add(file);
      if (bytes >= bytesMax) return;
    }
  }

  /** Forgets what it knows about files that have changed or are gone. */
  #forgetChanged(listed: readonly Listed[]): void {
    for (const { file, state } of this.unreadable)
      if (fileState(join(this.#folder.segments, file)) !== state) this.#unreadable.delete(file);
    for (const [file, state] of this.#states) {
      if (fileState(join(this.#folder.segments, file)) === state) continue;
      this.#known.delete(file);
      this.#checked.delete(file);
      this.#states.delete(file);
    }
    const files = new Set(listed.map(({ file }) => file));
    this.#checked = new Set([...this.#checked].filter((file) => files.has(file)));
  }

  /** Opens a segment for the first time. Undefined if it is gone or cannot be read; then it is noted as unreadable. */
  async #look(duckdb: DuckDB, { file, name }: Listed): Promise<KnownSegment | undefined> {
    const path = join(this.#folder.segments, file);
    if (fileState(path) === undefined) return undefined;
    try {
      const bytes = statSync(path).size;
      if (bytes <= checkedBytesMax && !this.#checked.has(file)) {
        if ((await checksumOfFile(path)) !== name.crc32) throw new SegmentUnreadable(checksumFault);
        this.#checked.add(file);
      }
      return { file, name, bytes, summary: await readSummary(duckdb, path) };
    } catch (error) {
      if (passing.has(duckdbFailureOf(error))) throw error;
      this.markUnreadable(file, faultOf(error, path));
      // After a fatal error this DuckDB instance is unusable; the next one leaves this segment out.
      if (duckdbFailureOf(error) === "fatal") throw error;
      return undefined;
    }
  }
}

/** The message about a segment whose bytes are not those that were sealed. */
export const checksumFault = "its bytes do not match the checksum in its name";

/** What is wrong with a segment, without its path. */
export const faultOf = (error: unknown, path: string): string =>
  (messageOf(error).split("\n", 1)[0] ?? "").replaceAll(path, "the file");

/** Failures caused by the machine and not by the file: a retry may succeed in a moment. */
const passing = new Set<DuckDBFailure | undefined>(["memory", "descriptors", "unusable"]);
