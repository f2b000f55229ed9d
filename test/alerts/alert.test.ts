/** Which files are alerts, and what is told of others. */
import { describe, expect, test } from "bun:test";
import { alertsOf, isBeyond } from "../../src/alerts/alert.ts";
import { ContentRefused } from "../../src/base/watched-content.ts";

const good = { sql: "SELECT count(*) FROM events", above: 5, every: "1m", webhook: "https://hooks.example/T1/secret" };

/** What is told of one file, `a.json`. */
function faultOf(content: unknown): string {
  try {
    alertsOf(new Map([["a.json", typeof content === "string" ? content : JSON.stringify(content)]]));
  } catch (error) {
    if (error instanceof ContentRefused) return error.message;
    throw error;
  }
  return "";
}

test("a file is an alert by its name; a value at the limit is not beyond it", () => {
  const { above: _, ...rest } = good;
  const [first, second] = alertsOf(
    new Map([
      ["errors.json", JSON.stringify(good)],
      ["too few.json", JSON.stringify({ ...rest, below: -0.5, every: "30s", webhook: "http://127.0.0.1:9/" })],
    ]),
  );
  if (first === undefined || second === undefined) throw new Error("both are alerts");
  expect(first).toEqual({ name: "errors", sql: good.sql, limit: { above: 5 }, everyMs: 60_000, webhook: good.webhook });
  expect(second).toMatchObject({ name: "too few", limit: { below: -0.5 }, everyMs: 30_000 });
  expect([4, 5, 5.1].map((value) => isBeyond(first, value))).toEqual([false, false, true]);
  expect([-0.4, -0.5, -0.6].map((value) => isBeyond(second, value))).toEqual([false, false, true]);
});

describe("each fault is named by file and member:", () => {
  const without = (name: string) => Object.fromEntries(Object.entries(good).filter(([member]) => member !== name));
  test.each([
    ["{", "a.json: must be one JSON object"],
    ["[]", "a.json: must be one JSON object"],
    [{ ...good, evry: "1m" }, '"evry" is unknown'],
    [without("sql"), "a.json: sql: "],
    [{ ...good, sql: " " }, "a.json: sql: "],
    [without("above"), "exactly one of above and below"],
    [{ ...good, below: 1 }, "exactly one of above and below"],
    [{ ...good, above: "5" }, "a.json: above: must be a number"],
    [{ ...without("above"), below: null }, "a.json: below: must be a number"],
    [without("every"), "a.json: every: "],
    [{ ...good, every: 60 }, "a.json: every: "],
    [{ ...good, every: "0s" }, "a.json: every: "],
    [{ ...good, every: "8d" }, "a.json: every: "],
    [without("webhook"), "a.json: webhook: "],
    [{ ...good, webhook: "ftp://secret.example/" }, "a.json: webhook: must be a URL that begins with"],
    [{ ...good, webhook: "https://me:secret@hooks.example/" }, "without a user or a password"],
  ])("%j", (content, fault) => {
    expect(faultOf(content)).toContain(fault);
    expect(faultOf(content)).not.toContain("secret");
  });

  test("all of all files at once", () => {
    const texts = new Map([
      ["a.json", JSON.stringify({ ...good, every: "soon", above: true })],
      ["b.json", "no"],
    ]);
    expect(() => alertsOf(texts)).toThrow(/a\.json: every: .*; a\.json: above: .*; b\.json: /);
  });
});
