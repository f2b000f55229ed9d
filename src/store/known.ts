/** What is known of the current segments: each is opened once, since none ever changes. */
import { statSync } from "node:fs";
import { join } from "node:path";
import type { KnownSegment } from "./compaction.ts";
import { currentSegments } from "./current.ts";
import type { DuckDB } from "./duckdb.ts";
import { listNames } from "./layout.ts";
import { type DataFolder, parseSegmentName } from "./names.ts";
import { readSummary } from "./summary.ts";

/** Knows the current segments of a folder. */
export class KnownSegments {
  readonly #folder: DataFolder;
  #known = new Map<string, KnownSegment>();

  constructor(folder: DataFolder) {
    this.#folder = folder;
  }

  /** The current segments as the folder names them now, by shard and sequence. */
  async list(duckdb: DuckDB): Promise<KnownSegment[]> {
    const { current } = currentSegments(listNames(this.#folder.segments, parseSegmentName));
    const known = new Map<string, KnownSegment>();
    for (const { file, name } of current) {
      const path = join(this.#folder.segments, file);
      const segment = this.#known.get(file) ?? {
        file,
        name,
        bytes: statSync(path).size,
        summary: await readSummary(duckdb, path),
      };
      known.set(file, segment);
    }
    this.#known = known;
    return [...known.values()];
  }
}
