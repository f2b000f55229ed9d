/**
 * The receipts of finished erasures, a line each. A damaged line is left out, and reported by `damagedReceipts`.
 *
 * They are checked by hand and not by a schema: the keeper reads them at every start, and TypeBox takes 15 ms of a
 * thread's start.
 */
import { appendToFile } from "../../base/durable.ts";
import { keptLine, readKeptLines } from "../folder/kept-file.ts";
import type { DataFolder } from "../folder/names.ts";
import type { ErasureReceipt } from "./views.ts";

/** Appends receipts. On return their bytes are durable; the name of a new file is not. */
export function keepReceipts(folder: DataFolder, receipts: readonly ErasureReceipt[]): void {
  appendToFile(folder.erasures, receipts.map((receipt) => keptLine(receipt)).join(""));
}

/** The receipts of a folder, oldest first. */
export function readReceipts(folder: DataFolder): ErasureReceipt[] {
  return readKeptLines(folder.erasures).values.filter(isReceipt);
}

/** What is wrong with the receipts, a sentence for each fault. */
export function damagedReceipts(folder: DataFolder): string[] {
  const { values, damaged } = readKeptLines(folder.erasures);
  const foreign = values.filter((value) => !isReceipt(value)).length;
  const told = damaged.map(({ line, why }) => `line ${line} ${why}`);
  return foreign > 0 ? [...told, `${foreign} lines are not receipts`] : told;
}

const isReceipt = (value: Record<string, unknown>): value is ErasureReceipt =>
  typeof value["id"] === "string" &&
  typeof value["erasedAtMs"] === "number" &&
  // A receipt whose time is not a valid date cannot be shown.
  Math.abs(value["erasedAtMs"]) <= 8.64e15 &&
  (value["by"] === null || typeof value["by"] === "string") &&
  typeof value["requestHash"] === "string" &&
  Number.isSafeInteger(value["events"]) &&
  Number.isSafeInteger(value["catalogVersion"]);
