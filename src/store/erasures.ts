/**
 * Erasures on disk: the one under way, which a restart goes on with, and how it becomes a receipt.
 *
 * Invariants:
 * - What was asked stands in the folder in clear only until its receipt is durable; a receipt holds a hash of it.
 * - A receipt is there only after the last byte of what was erased is gone.
 */
import { writeFileSync } from "node:fs";
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { removeIfThere, renameDurably, syncFile, syncFolder, truncateDurably } from "../base/durable.ts";
import { DataFolderRefused, messageOf } from "../base/errors.ts";
import type { ErasureReceipt } from "./catalog-views.ts";
import { type DataFolder, unfinishedSuffix } from "./names.ts";
import { keepReceipts, readIfThere, readReceipts } from "./receipts.ts";
import { literal } from "./sql-literals.ts";

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
 * The SQL condition, in brackets, that holds for the events that are to go. One that cannot be evaluated on an event does not
 * hold for it: events that came while the erasure was under way must not keep it from its end. A volatile one is no condition.
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
export async function keepErasure(folder: DataFolder, erasure: Erasure): Promise<void> {
  const unfinished = folder.erasure + unfinishedSuffix;
  writeFileSync(unfinished, JSON.stringify(erasure), { mode: 0o600 });
  await syncFile(unfinished);
  renameDurably({ from: unfinished, to: folder.erasure });
}

/**
 * The erasure that was under way when the last life ended; undefined when there was none.
 * @throws DataFolderRefused when what is written there cannot be read
 */
export function readErasure(folder: DataFolder): Erasure | undefined {
  const text = readIfThere(folder.erasure);
  if (text === undefined) return undefined;
  try {
    return Value.Parse(erasureSchema, JSON.parse(text));
  } catch (error) {
    throw new DataFolderRefused(`${folder.erasure} is no erasure: ${messageOf(error)}`, { cause: error });
  }
}

/** Adds a receipt, durably, and forgets what was asked. */
export function finishErasure(folder: DataFolder, receipt: ErasureReceipt): void {
  // A line that a crash cut is no receipt; another one must not stand behind it.
  const text = readIfThere(folder.erasures) ?? "";
  const wholeBytes = Buffer.byteLength(text.slice(0, text.lastIndexOf("\n") + 1));
  if (wholeBytes < Buffer.byteLength(text)) truncateDurably(folder.erasures, wholeBytes);
  if (!readReceipts(folder).some(({ id }) => id === receipt.id)) {
    keepReceipts(folder, [receipt]);
    syncFolder(folder.root);
  }
  removeIfThere(folder.erasure);
  syncFolder(folder.root);
}
