import { expect, test } from "bun:test";
import { goalRows } from "../../bench/report/rows.ts";
import { sqlFindings } from "../../bench/scenarios/sql.ts";
import { result, sampleRun } from "./sample-run.ts";

const found = {
  events: 1_000_000,
  asked: [
    { name: "one session's events", plainMs: [10, 20, 10], catalogMs: [4, 4, 6], shareMax: 0.5 },
    { name: "top pages of a day", plainMs: [10, 10, 10], catalogMs: [9, 9, 9], shareMax: 0.5 },
  ],
  segments: 2,
  bytesPerEvent: 39.3,
  plainBytesPerEvent: 41.8,
  statsMs: { full: [0.9, 1.1, 1], empty: [1, 1, 2] },
  readyMs: 300,
};

test("a share is taken within a round, and each question has its goal", () => {
  const findings = sqlFindings(found, 3);
  const shares = findings.figures.filter(({ unit }) => unit === "share").map(({ samples }) => samples);
  expect(shares).toEqual([
    [0.4, 0.2, 0.6],
    [0.9, 0.9, 0.9],
    [0.9, 1.1, 0.5],
  ]);
  expect(goalRows(sampleRun({ results: [result(findings)] })).map((row) => row["result"])).toEqual([
    "reached",
    "MISSED",
  ]);
});

test("no two figures have one name", () => {
  const names = sqlFindings(found, 3).figures.map(({ side, name }) => `${side} ${name}`);
  expect(names).toEqual([...new Set(names)]);
});
