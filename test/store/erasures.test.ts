/** Erasures on disk: what a crash leaves of a receipt is none, and one erasure has one receipt. */
import { expect, test } from "bun:test";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import {
  erasureCondition,
  finishErasure,
  hashOfRequest,
  keepErasure,
  readErasure,
} from "../../src/store/catalog/erasures.ts";
import { damagedReceipts, readReceipts } from "../../src/store/catalog/receipts.ts";
import type { ErasureReceipt } from "../../src/store/catalog/views.ts";
import { keptLine } from "../../src/store/folder/kept-file.ts";
import { dataFolder } from "../../src/store/folder/names.ts";
import { inspectSmallFiles } from "../../src/store/small-files.ts";
import { temporaryFolder } from "../support/rows.ts";
import { openDuckDB } from "../support/sealed.ts";

const receipt = (id: string): ErasureReceipt => ({
  id,
  erasedAtMs: 1,
  by: "Zoë",
  requestHash: hashOfRequest({ session_id: id }),
  events: 3,
  catalogVersion: 7,
});

test("a receipt that a crash cut is none, and the next one does not stand behind it", () => {
  using place = temporaryFolder();
  const folder = dataFolder(place.path);
  finishErasure(folder, receipt("a"));
  const whole = readFileSync(folder.erasures);
  // Cut within a character.
  const torn = Buffer.from(keptLine(receipt("b")));
  appendFileSync(folder.erasures, torn.subarray(0, torn.indexOf("ë") + 1));
  expect(readReceipts(folder)).toEqual([receipt("a")]);
  finishErasure(folder, receipt("b"));
  finishErasure(folder, receipt("b"));
  expect(readReceipts(folder)).toEqual([receipt("a"), receipt("b")]);
  expect(readFileSync(folder.erasures)).toEqual(Buffer.concat([whole, torn]));
});

test.each([
  ["text", "receipt"],
  ["another value", "null"],
  ["an id of another kind", JSON.stringify({ ...receipt("a"), id: 1 })],
  ["a part of an event", JSON.stringify({ ...receipt("a"), events: 0.5 })],
  ["no version", JSON.stringify({ ...receipt("a"), catalogVersion: undefined })],
])("B9: a whole line that is no receipt is left out and told, and the others stay: %s", (_what, line) => {
  using place = temporaryFolder();
  const folder = dataFolder(place.path);
  finishErasure(folder, receipt("a"));
  appendFileSync(folder.erasures, `${line}\n`);
  finishErasure(folder, receipt("b"));
  expect(readReceipts(folder)).toEqual([receipt("a"), receipt("b")]);
  expect(damagedReceipts(folder).length).toBe(1);
  const [told] = inspectSmallFiles(folder);
  expect(told?.file).toBe("erasures.ndjson");
});

test("an erasure under way is read back as it was written, until its receipt is there", async () => {
  using place = temporaryFolder();
  const folder = dataFolder(place.path);
  expect(readErasure(folder)).toBeUndefined();
  const erasure = { id: "a", by: null, request: { where: "session_id = '\u{1f980}\"'" }, found: null };
  keepErasure(folder, erasure);
  expect(readErasure(folder)).toEqual(erasure);
  keepErasure(folder, { ...erasure, found: { events: 3, catalogVersion: 7 } });
  expect(readErasure(folder)?.found).toEqual({ events: 3, catalogVersion: 7 });
  finishErasure(folder, receipt("a"));
  expect(existsSync(folder.erasure)).toBe(false);
});

test.each(['{"id":"a"', "", "{}", "\0\0"])(
  "B9: a damaged file of an erasure under way gets another name, and is told: %j",
  (text) => {
    using place = temporaryFolder();
    const folder = dataFolder(place.path);
    writeFileSync(folder.erasure, text);
    expect(inspectSmallFiles(folder).map(({ file }) => file)).toEqual(["erasure.json"]);
    expect(readErasure(folder)).toBeUndefined();
    expect(existsSync(folder.erasure)).toBe(false);
    const [told] = inspectSmallFiles(folder);
    expect(told?.file).toStartWith("erasure.json.damaged-");
    expect(told?.text).toContain("send it again");
  },
);

test("a condition holds for nothing on which it fails, whatever it says about the rest", async () => {
  using duckdb = await openDuckDB();
  await duckdb.run("CREATE TABLE events AS SELECT unnest(['1', 'x', '7', NULL]) AS session_id");
  const left = async (request: Parameters<typeof erasureCondition>[0]) => {
    const rows = await duckdb.rows(`FROM events WHERE NOT coalesce(${erasureCondition(request)}, false)`);
    return rows.map(({ session_id }) => session_id);
  };
  expect(await left({ where: "session_id::INTEGER > 5 -- a comment" })).toEqual(["1", "x", null]);
  expect(await left({ where: "session_id IS NULL" })).toEqual(["1", "x", "7"]);
  expect(await left({ session_id: "x" })).toEqual(["1", "7", null]);
  expect(await left({ session_id: "' OR true --" })).toEqual(["1", "x", "7", null]);
});
