import { expect, test } from "bun:test";
import { readRowHead } from "../../src/event/line/row.ts";
import { categories } from "../support/arbitraries.ts";
import { rowAt } from "../support/rows.ts";

const receivedMs = Date.UTC(2026, 10, 25, 21, 0, 46, 451);

test("the head of a line reads back whatever its category", () => {
  for (const category of categories) {
    const { line, ...row } = rowAt(receivedMs, { event_id: "01a21483-3214-7734-bf45-8667cfa16c71", category });
    expect(readRowHead(Buffer.from(line))).toEqual({ ...row, receivedAtMs: receivedMs });
  }
});

test("the head of a line reads back what was counted of its event, with a client's id and without", () => {
  for (const event_id of ["01a21483-3214-7734-bf45-8667cfa16c71", undefined]) {
    const { line, ...row } = rowAt(receivedMs, { event_id, category: "trading" });
    expect(readRowHead(Buffer.from(line))).toEqual({ ...row, receivedAtMs: receivedMs });
  }
});

test("a line that was written when nulls still stood in lines, and checksums took no fixed room, is read the same", () => {
  const head =
    '{"event_id":"01a21483-3214-7734-bf45-8667cfa16c71","timestamp":"2026-11-25T20:59:00.000000Z","received_at":"2026-11-25T21:00:46.451000Z","category":"auth"';
  const read = (line: string) => readRowHead(Buffer.from(line));
  const rest =
    '"subject":null,"client_id":null,"priority":"medium","event_name":"a","session_id":null,"properties":null}';
  const row = { eventId: "01a21483-3214-7734-bf45-8667cfa16c71", category: 3, receivedAtMs: receivedMs };
  const hour = Math.floor(Date.UTC(2026, 10, 25, 20) / 3_600_000);
  expect(read(`${head},"content":4711,${rest}`)).toEqual({ ...row, hour, content: 4711 });
  expect(read(`${head},${rest}`)).toEqual({ ...row, hour, content: undefined });
});
