/** An erasure and the refused events: which it means, how many there are, and their removal. */
import { basename } from "node:path";
import { belongsTo } from "../refused/matching.ts";
import type { KeptEvent } from "../refused/refused-file.ts";
import type { RefusedStore } from "../refused/refused-store.ts";
import type { PersonIds } from "../store/catalog/erased-person.ts";
import type { ErasureRequest } from "../store/catalog/erasures.ts";
import type { Rewriter } from "./rewriter.ts";

/** Whose events: a request, and the anonymous ids of its person. */
export type Wanted = { request: ErasureRequest; ids: PersonIds | undefined };

/** What is searched, and who evaluates an SQL condition. */
type RefusedTools = { refusedEvents: RefusedStore; rewriter: Rewriter };

/** How many refused events an erasure means, and what could not be searched. */
type RefusedFound = { events: number; notSearched: string[] };

/**
 * Counts the refused events that an erasure means.
 * @throws RewriteFailed when an SQL condition could not be evaluated now
 */
export async function countRefused(tools: RefusedTools, wanted: Wanted): Promise<RefusedFound> {
  const { request } = wanted;
  const isMeant = await meaningOf(tools, wanted);
  const notSearched = new Set<string>();
  let events = 0;
  for (const path of tools.refusedEvents.paths)
    for (const { kept } of await tools.refusedEvents.read(path)) {
      if (kept !== undefined && isMeant(kept)) events += 1;
      else if (kept === undefined) notSearched.add(`refused/${basename(path)}`);
      // An SQL condition is about columns, which an event in another vendor's form does not have.
      else if ("where" in request && !kept.record.is_mapped) notSearched.add("refused");
    }
  return { events, notSearched: [...notSearched] };
}

/**
 * Removes the refused events that an erasure means, durably.
 * @throws RewriteFailed when an SQL condition could not be evaluated now
 */
export async function removeRefused(tools: RefusedTools, wanted: Wanted): Promise<void> {
  const isMeant = await meaningOf(tools, wanted);
  for (const path of tools.refusedEvents.paths) await tools.refusedEvents.removeFrom(path, isMeant);
}

async function meaningOf({ refusedEvents, rewriter }: RefusedTools, { request, ids }: Wanted) {
  // Without refused events no process need start.
  if (refusedEvents.counts.bytes === 0) return () => false;
  if ("where" in request || "person" in request) {
    const keys = new Set(await rewriter.run({ kind: "find refused", request, ids }));
    return ({ key }: KeptEvent) => keys.has(key);
  }
  const [[column, value] = ["", ""]] = Object.entries(request);
  return ({ record }: KeptEvent) => belongsTo(record, { column, value });
}
