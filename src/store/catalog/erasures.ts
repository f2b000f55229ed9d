/**
 * Erasures on disk: the one under way, which a restart continues, and how it becomes a receipt.
 *
 * Invariants:
 * - The request is in the folder in clear only until its receipt is durable; a receipt holds a hash of the request.
 * - A receipt exists only after the last byte of what was erased is gone.
 */
import { existsSync, readFileSync } from "node:fs";
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { crc32 } from "../../base/crc32.ts";
import { removeIfThere, renameDurably, syncFolder, truncateDurably } from "../../base/durable.ts";
import { keepJson, readKeptJson, readKeptLines, replaceDurably } from "../folder/kept-file.ts";
import type { DataFolder } from "../folder/names.ts";
import { literal } from "../sql/literals.ts";
import { type PersonIds, personCondition } from "./erased-person.ts";
import { keepReceipts, readReceipts } from "./receipts.ts";
import type { ErasureReceipt } from "./views.ts";

/** An empty string is usually a variable that was not set, and means nobody. */
const text = Type.String({ minLength: 1 });

/**
 * Which events to erase: those with this value in a column, those of a person, or those for which an SQL
 * condition holds.
 */
export const erasureRequestSchema = Type.Union([
  Type.Object({ session_id: text }, { additionalProperties: false }),
  Type.Object({ client_id: text }, { additionalProperties: false }),
  Type.Object({ subject: text }, { additionalProperties: false }),
  Type.Object({ user_id: text }, { additionalProperties: false }),
  Type.Object({ anonymous_id: text }, { additionalProperties: false }),
  Type.Object({ person: text }, { additionalProperties: false }),
  Type.Object({ where: text }, { additionalProperties: false }),
]);

/** Which events to erase. */
export type ErasureRequest = Static<typeof erasureRequestSchema>;

const erasureSchema = Type.Object({
  id: Type.String(),
  by: Type.Union([Type.String(), Type.Null()]),
  request: erasureRequestSchema,
  /** Of a person: how many anonymous ids `erasure-ids.ndjson` holds. Set before the first event is removed. */
  ids: Type.Optional(Type.Integer({ minimum: 0 })),
  /** Set once the current segments hold none of them, and before the first replaced file is removed. */
  found: Type.Union([Type.Object({ events: Type.Integer(), catalogVersion: Type.Integer() }), Type.Null()]),
});

/** An erasure under way. `found` says how many events it erases, and which catalog is the first without them. */
export type Erasure = Static<typeof erasureSchema>;

/**
 * The SQL condition, in brackets, that holds for the events to erase. If it cannot be evaluated on an event, it does
 * not hold for it: events that arrive during an erasure must not keep it from ending. DuckDB refuses a volatile one.
 */
export function erasureCondition(request: ErasureRequest): string {
  if ("where" in request) return `TRY((${request.where}\n)::BOOLEAN)`;
  if ("person" in request) return personCondition(request.person);
  const [[column, value] = ["", ""]] = Object.entries(request);
  return `(${column} = ${literal(value)})`;
}

/** The hash of a request in its receipt: SHA-256 of its JSON, such as `{"session_id":"s-1"}`, in hex. */
export const hashOfRequest = (request: ErasureRequest) =>
  new Bun.CryptoHasher("sha256").update(JSON.stringify(request)).digest("hex");

/** Writes an erasure to the folder, durably: from now on a restart continues it. */
export function keepErasure(folder: DataFolder, erasure: Erasure): void {
  keepJson(folder.erasure, erasure);
}

/**
 * The erasure that was under way when the service last ended; undefined if there was none. If the file is damaged, the
 * request cannot be known: the file is renamed, so that other upkeep continues, and stays until a person has sent the
 * erasure again.
 */
export function readErasure(folder: DataFolder): Erasure | undefined {
  const kept = readKeptJson(folder.erasure);
  if (kept.kind === "missing") {
    // A crash came between the removals of the two files.
    removeIfThere(folder.erasureIds);
    return undefined;
  }
  if (kept.kind === "sound" && Value.Check(erasureSchema, kept.value)) return kept.value;
  renameDamagedErasure(folder);
  return undefined;
}

/** Renames the files of an erasure that cannot continue, because one of them is damaged, and keeps them. */
export function renameDamagedErasure(folder: DataFolder): void {
  for (const path of [folder.erasureIds, folder.erasure]) {
    if (!existsSync(path)) continue;
    const checksum = crc32(readFileSync(path)).toString(16).padStart(8, "0");
    renameDurably({ from: path, to: `${path}.damaged-${checksum}` });
  }
}

/** The anonymous ids that were decided for an erasure; undefined if it means no person, or before they are decided. */
export const decidedIds = (folder: DataFolder, { ids }: Erasure): PersonIds | undefined =>
  ids === undefined ? undefined : { path: folder.erasureIds, count: ids };

/** Adds a receipt, durably, and then removes the request. */
export function finishErasure(folder: DataFolder, receipt: ErasureReceipt): void {
  // A line that a crash cut short is not a receipt, and no receipt may be appended to it.
  const { wholeBytes } = readKeptLines(folder.erasures);
  if (wholeBytes !== undefined) truncateDurably(folder.erasures, wholeBytes);
  // If the receipt is there already, the sync of an earlier try failed. Another sync would not help, so the file is
  // rewritten.
  if (readReceipts(folder).some(({ id }) => id === receipt.id))
    replaceDurably(folder.erasures, readFileSync(folder.erasures));
  else keepReceipts(folder, [receipt]);
  syncFolder(folder.root);
  removeIfThere(folder.erasure);
  removeIfThere(folder.erasureIds);
  syncFolder(folder.root);
}
