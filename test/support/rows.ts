import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LineBuffer } from "../../src/base/line-buffer.ts";
import { recordOf } from "../../src/base/record.ts";
import { stringNames } from "../../src/event/fields.ts";
import { type LinedRow, rowOf } from "../../src/event/line/row.ts";
import { writeRow } from "../../src/event/line/written-row.ts";
import type { ValidEvent } from "../../src/event/parse/validate.ts";
import { timestampOfMs } from "../../src/event/timestamp.ts";
import type { Group } from "../../src/journal/journal.ts";

/** An own folder for one test; removed at the end of its scope. */
export function temporaryFolder(): { path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "millrace-test-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** A valid event, as validation gives it, with what a test wants of it. */
export function validEvent(wanted: Partial<ValidEvent> = {}): ValidEvent {
  return {
    event_name: "tested",
    category: "user_action",
    priority: "medium",
    properties: null,
    timestamp: undefined,
    event_id: undefined,
    ...recordOf(stringNames, () => null),
    ...wanted,
  };
}

/** A row received at this time. */
export function rowAt(receivedMs: number, wanted: Partial<ValidEvent> = {}): LinedRow {
  const acceptance = { receivedAt: timestampOfMs(receivedMs), subjectText: '"tester"', clientIdText: "null" };
  return rowOf(validEvent(wanted), acceptance, false);
}

/** Rows as a journal takes them. */
export function groupOf(rows: readonly LinedRow[]): Group {
  const lines = new LineBuffer();
  for (const row of rows) writeRow(row, lines);
  return { lines, rows: rows.length };
}

/** Rows as a journal writes them. */
export function linesOf(rows: readonly LinedRow[]): { lines: Buffer; rows: number } {
  return { lines: Buffer.from(rows.map(({ line }) => `${line}\n`).join("")), rows: rows.length };
}
