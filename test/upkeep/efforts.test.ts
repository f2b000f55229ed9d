/** A merge that runs out of memory gets more, and at last gives up the order of its events rather than itself. */
import { expect, test } from "bun:test";
import { readdirSync, statSync } from "node:fs";
import { getPriority } from "node:os";
import { join } from "node:path";
import { lowestNiceness } from "../../src/base/priority.ts";
import { Programs } from "../../src/base/programs.ts";
import { type DataFolder, parseSegmentName } from "../../src/store/folder/names.ts";
import { rewriteOf } from "../../src/store/segment/plan-merge.ts";
import { readSummary } from "../../src/store/segment/summary.ts";
import type { DuckDB } from "../../src/store/sql/duckdb.ts";
import { literal } from "../../src/store/sql/literals.ts";
import { RewriteEfforts } from "../../src/upkeep/efforts.ts";
import { Rewriter } from "../../src/upkeep/rewriter.ts";
import { childrenOf, nicenessOf } from "../support/process.ts";
import { recordedLog } from "../support/recorded-log.ts";
import { openDuckDB, sealedFolder } from "../support/sealed.ts";
import { until } from "../support/until.ts";

const [enough, tooLittle] = [160, 8];

/** The last merge of the one segment of a folder, which orders it. */
async function lastMergeOf(duckdb: DuckDB, folder: DataFolder) {
  const [file = ""] = readdirSync(folder.segments);
  const name = parseSegmentName(file);
  if (name === undefined) throw new Error(`not a segment: ${file}`);
  const path = join(folder.segments, file);
  const known = { file, name, bytes: statSync(path).size, summary: await readSummary(duckdb, path) };
  return rewriteOf([known], { keep: undefined, repeatsIn: [] });
}

test("a merge is ordered with the first memory that is enough, and copied if none is", async () => {
  const wide = "x".repeat(20_000);
  const named = (name: string) => ({ name, at: "2026-01-01T00:00:00Z", page: wide });
  using sealed = await sealedFolder([Array.from({ length: 900 }, (_, at) => named(at % 2 === 0 ? "zebra" : "ant"))]);
  const { folder } = sealed;
  using duckdb = await openDuckDB();
  const rewrite = await lastMergeOf(duckdb, folder);
  const namesAfter = async (orderingMiB: readonly number[]) => {
    using rewriter = new Rewriter(folder, new Programs([], recordedLog().log));
    const efforts = new RewriteEfforts(rewriter, { orderingMiB });
    const made = await efforts.rewrite({ rewrite, ids: undefined, threads: 1, spillBytes: 2 ** 30 });
    expect(made.events).toBe(900);
    const rows = await duckdb.rows(
      `SELECT event_name FROM read_duckdb(${literal(made.unfinished)}, table_name = 'events') ORDER BY rowid`,
    );
    return rows.map(({ event_name }) => event_name);
  };
  const inOrder = [...Array(450).fill("ant"), ...Array(450).fill("zebra")];
  expect(await namesAfter([tooLittle, enough])).toEqual(inOrder);
  expect((await namesAfter([tooLittle, tooLittle])).slice(0, 4)).toEqual(["zebra", "ant", "zebra", "ant"]);
});

test("a merge has the share of the processor that it is given", async () => {
  using sealed = await sealedFolder([[{ at: "2026-01-01T00:00:00Z" }]]);
  const { folder } = sealed;
  using duckdb = await openDuckDB();
  const rewrite = await lastMergeOf(duckdb, folder);
  using rewriter = new Rewriter(folder, new Programs([], recordedLog().log));
  const efforts = new RewriteEfforts(rewriter);
  // A test before this one may have lowered the priority of this process, and a child's value adds up with that.
  const own = getPriority();
  for (const niceness of [10, undefined]) {
    const expected = Math.min(lowestNiceness, own + (niceness ?? 15));
    const made = efforts.rewrite({ rewrite, ids: undefined, threads: 1, niceness, spillBytes: 2 ** 30 });
    await until(() => childrenOf(process.pid).some((pid) => nicenessOf(pid) === expected), {
      what: "a process of that nice value",
      limitMs: 10_000,
      everyMs: 5,
    });
    await made;
  }
});
