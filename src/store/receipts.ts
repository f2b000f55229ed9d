/**
 * The receipts of erasures that are done, a line each.
 *
 * Narrowed by hand and not by a schema: the keeper reads them at every start, and TypeBox takes 15 ms of a thread's start.
 */
import { closeSync, openSync, readFileSync } from "node:fs";
import { appendDurably } from "../base/durable.ts";
import { codeOf, DataFolderRefused } from "../base/errors.ts";
import type { ErasureReceipt } from "./catalog-views.ts";
import type { DataFolder } from "./names.ts";

/** Appends receipts; their bytes are durable then, a new file's name is not. */
export function keepReceipts(folder: DataFolder, receipts: readonly ErasureReceipt[]): void {
  const descriptor = openSync(folder.erasures, "a", 0o600);
  try {
    appendDurably(descriptor, Buffer.from(receipts.map((receipt) => `${JSON.stringify(receipt)}\n`).join("")));
  } finally {
    closeSync(descriptor);
  }
}

/**
 * The receipts of a folder, oldest first.
 * @throws DataFolderRefused when a whole line is no receipt
 */
export function readReceipts(folder: DataFolder): ErasureReceipt[] {
  const lines = (readIfThere(folder.erasures) ?? "").split("\n").slice(0, -1);
  return lines.map((line, index) => {
    try {
      const receipt: unknown = JSON.parse(line);
      if (isReceipt(receipt)) return receipt;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
    throw new DataFolderRefused(`${folder.erasures}, line ${index + 1}: no receipt`);
  });
}

/** The text of a file; undefined when there is none. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

const isReceipt = (value: unknown): value is ErasureReceipt =>
  typeof value === "object" &&
  value !== null &&
  "id" in value &&
  typeof value.id === "string" &&
  "erasedAtMs" in value &&
  typeof value.erasedAtMs === "number" &&
  "by" in value &&
  (value.by === null || typeof value.by === "string") &&
  "requestHash" in value &&
  typeof value.requestHash === "string" &&
  "events" in value &&
  Number.isInteger(value.events) &&
  "catalogVersion" in value &&
  Number.isInteger(value.catalogVersion);
