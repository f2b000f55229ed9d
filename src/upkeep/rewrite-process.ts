/**
 * Entry of the process that rewrites segments: it does one job, answers and ends. It neither gives a segment its name
 * nor removes one that has a name, so it can be killed at any step.
 *
 * It is a separate process so that its share of the processor and its memory can be limited, and both are given back.
 */
import "../base/utc-only.ts";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { writeAll } from "../base/durable.ts";
import { messageOf } from "../base/errors.ts";
import { unreachable } from "../base/invariant.ts";
import { endAtOnce, yieldMemory } from "../base/limited-process.ts";
import { idsIn } from "../shard/ids/id-log.ts";
import { loadPersonIds, PersonIdsDamaged } from "../store/catalog/erased-person.ts";
import { unfinishedSuffix } from "../store/folder/names.ts";
import { forgetImportedIds, mergeImportedIds } from "../store/ids/imported-folder.ts";
import { rewriteSegments, sealImported } from "../store/segment/rewrite.ts";
import { DuckDB } from "../store/sql/duckdb.ts";
import { duckdbFailureOf } from "../store/sql/failures.ts";
import { lockDuckDB } from "../store/sql/lock-duckdb.ts";
import { ConditionRefused } from "./condition.ts";
import { decidePersonIds } from "./decide-ids.ts";
import { findEvents } from "./find.ts";
import { findRefused } from "./find-refused.ts";
import type { RewriteOrder, RewriteOutcome } from "./protocol.ts";

async function main(): Promise<void> {
  yieldMemory();
  const order: RewriteOrder = JSON.parse(await Bun.stdin.text());
  const outcome = await carryOut(order);
  writeAll(1, Buffer.from(`${JSON.stringify(outcome)}\n`));
  endAtOnce();
}

async function carryOut({ folder, threads, memoryMiB, spillMiB, job }: RewriteOrder): Promise<RewriteOutcome<unknown>> {
  const ids = "ids" in job ? job.ids : undefined;
  const spillTo = join(folder.root, `spill.${process.pid}${unfinishedSuffix}`);
  try {
    using duckdb = await DuckDB.open({ threads, memoryMiB, spillTo, spillMiB });
    // A client's condition is evaluated here.
    await lockDuckDB(duckdb, {
      folders: [folder.segments, folder.imports, folder.refusedEvents],
      files: [...(job.kind === "find" && job.idsTo !== undefined ? [job.idsTo] : []), ...(ids ? [ids.path] : [])],
    });
    if (ids !== undefined) await loadPersonIds(duckdb, ids);
    switch (job.kind) {
      case "rewrite":
        return { kind: "done", result: await rewriteSegments(duckdb, folder, job) };
      case "import":
        return { kind: "done", result: await sealImported(duckdb, folder, job) };
      case "find":
        return { kind: "done", result: await findEvents(duckdb, folder, job) };
      case "find refused":
        return { kind: "done", result: await findRefused(duckdb, folder, job) };
      case "decide ids":
        return { kind: "done", result: await decidePersonIds(duckdb, folder, job) };
      case "merge imported ids":
        mergeImportedIds(folder);
        return { kind: "done", result: null };
      case "forget imported ids":
        for (const ids of idsIn(job.path)) forgetImportedIds(folder, ids);
        return { kind: "done", result: null };
      default:
        return unreachable(job);
    }
  } catch (error) {
    // The folder's path is kept from clients; file names inside it reveal nothing.
    const message = messageOf(error).replaceAll(`${folder.root}/`, "").replaceAll(folder.root, ".");
    if (isOfRequest(error)) return { kind: "refused", message };
    return { kind: duckdbFailureOf(error) === "memory" ? "out of memory" : "failed", message };
  } finally {
    rmSync(spillTo, { recursive: true, force: true });
  }
}

/** Whether a request is at fault: it would fail the next time, too. */
function isOfRequest(error: unknown): boolean {
  return error instanceof ConditionRefused || error instanceof PersonIdsDamaged;
}

// Not awaited: a bundle with bytecode has no await at its top level.
void main();
