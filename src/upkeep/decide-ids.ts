/** Decides which anonymous ids belong to the person whom an erasure means. */
import { join } from "node:path";
import { createDurably, removeIfThere } from "../base/durable.ts";
import { type PersonIds, personIdLines } from "../store/catalog/erased-person.ts";
import type { DataFolder } from "../store/folder/names.ts";
import type { DuckDB } from "../store/sql/duckdb.ts";
import type { RewriteJob } from "./protocol.ts";

/** Writes the ids to a file, durably; the caller makes its name durable. */
export async function decidePersonIds(
  duckdb: DuckDB,
  folder: DataFolder,
  { person, files, to }: Extract<RewriteJob, { kind: "decide ids" }>,
): Promise<PersonIds> {
  const paths = files.map((file) => join(folder.segments, file));
  const lines = await personIdLines(duckdb, paths, person);
  removeIfThere(to);
  createDurably(to, lines.join(""));
  return { path: to, count: lines.length };
}
