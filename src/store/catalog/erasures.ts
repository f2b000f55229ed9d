/**
 * Erasures on disk: the one under way, which a restart goes on with, and how it becomes a receipt.
 *
 * Invariants:
 * - What was asked stands in the folder in clear only until its receipt is durable; a receipt holds a hash of it.
 * - A receipt is there only after the last byte of what was erased is gone.
 */
import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { removeIfThere, renameDurably, syncFolder, truncateDurably } from "../../base/durable.ts";
import { keepJson, readKeptJson, readKeptLines, replaceDurably } from "../folder/kept-file.ts";
import type { DataFolder } from "../folder/names.ts";
import { literal } from "../sql/literals.ts";
import { keepReceipts, readReceipts } from "./receipts.ts";
import type { ErasureReceipt } from "./views.ts";

/** Whose events are to go: those of a session, a client or a subject, or those for which an SQL condition holds. */
export const erasureRequestSchema = Type.Union([
  Type.Object({ session_id: Type.String() }, { additionalProperties: false }),
  Type.Object({ client_id: Type.String() }, { additionalProperties: false }),
  Type.Object({ subject: Type.String() }, { additionalProperties: false }),
  Type.Object({ where: Type.String({ minLength: 1 }) }, { additionalProperties: false }),
]);

/** Whose events are to go. */
export type ErasureRequest = Static<typeof erasureRequestSchema>;

const erasureSchema = Type.Object({
  id: Type.String(),
  by: Type.Union([Type.String(), Type.Null()]),
  request: erasureRequestSchema,
  /** Set once all of them are out of the current segments, and before the first replaced file goes. */
  found: Type.Union([Type.Object({ events: Type.Integer(), catalogVersion: Type.Integer() }), Type.Null()]),
});

/** An erasure under way; `found` says how many events it takes, and since which catalog they are gone. */
export type Erasure = Static<typeof erasureSchema>;

/**
 * The SQL condition, in brackets, that holds for the events that are to go. One that cannot be evaluated on an event
 * does not hold for it: events that came while the erasure was under way must not keep it from its end. A volatile one
 * is refused.
 */
export function erasureCondition(request: ErasureRequest): string {
  if ("where" in request) return `TRY((${request.where}\n)::BOOLEAN)`;
  const [[column, value] = ["", ""]] = Object.entries(request);
  return `(${column} = ${literal(value)})`;
}

/** What a receipt says of a request: SHA-256 of its JSON, such as `{"session_id":"s-1"}`, in hex. */
export const hashOfRequest = (request: ErasureRequest) =>
  new Bun.CryptoHasher("sha256").update(JSON.stringify(request)).digest("hex");

/** Writes down an erasure, durably: from now on a restart goes on with it. */
export function keepErasure(folder: DataFolder, erasure: Erasure): void {
  keepJson(folder.erasure, erasure);
}

/**
 * The erasure that was under way when the last life ended; undefined when there was none. A damaged file tells nobody
 * what was asked. It gets another name, so that other upkeep goes on, and stays until a person has sent the erasure
 * again.
 */
export function readErasure(folder: DataFolder): Erasure | undefined {
  const kept = readKeptJson(folder.erasure);
  if (kept.kind === "missing") return undefined;
  if (kept.kind === "sound" && Value.Check(erasureSchema, kept.value)) return kept.value;
  const checksum = crc32(readFileSync(folder.erasure)).toString(16).padStart(8, "0");
  renameDurably({ from: folder.erasure, to: `${folder.erasure}.damaged-${checksum}` });
  return undefined;
}

/** Adds a receipt, durably, and forgets what was asked. */
export function finishErasure(folder: DataFolder, receipt: ErasureReceipt): void {
  // A line that a crash cut is not a receipt; another one must not stand behind it.
  const { wholeBytes } = readKeptLines(folder.erasures);
  if (wholeBytes !== undefined) truncateDurably(folder.erasures, wholeBytes);
  // One that is there already is of a try whose sync failed, which another sync would not mend: the file is written
  // again.
  if (readReceipts(folder).some(({ id }) => id === receipt.id))
    replaceDurably(folder.erasures, readFileSync(folder.erasures));
  else keepReceipts(folder, [receipt]);
  syncFolder(folder.root);
  removeIfThere(folder.erasure);
  syncFolder(folder.root);
}
