/** Which form of a file a browser gets, and when it has it already: RFC 9110, 12.5.3 and 13.1.2. */
import { expect, test } from "bun:test";
import { codingFor, hasAlready, tagInCoding } from "../../src/http/endpoints/representation.ts";

const asking = (headers: Record<string, string>) => new Request("http://127.0.0.1/", { headers });

test.each([
  [undefined, "identity"],
  ["", "identity"],
  ["gzip", "gzip"],
  ["gzip, deflate, br, zstd", "gzip"],
  ["br;q=1.0, GZIP;q=0.8, *;q=0.1", "gzip"],
  ["x-gzip", "gzip"],
  ["*", "gzip"],
  ["gzip;q=0", "identity"],
  ["*;q=0, identity", "identity"],
  ["gzip;q=0, *", "identity"],
  ["identity;q=1, gzip;q=0.5", "identity"],
  ["identity;q=0.5, gzip;q=1", "gzip"],
  ["br", "identity"],
  ["notgzip", "identity"],
] as const)("Accept-Encoding: %s gets %s", (accepted, coding) => {
  expect(codingFor(asking(accepted === undefined ? {} : { "accept-encoding": accepted }))).toBe(coding);
});

test("a form has a tag of its own, and a browser that has another form does not have this one", () => {
  const tags = { identity: tagInCoding(`"5f"`, "identity"), gzip: tagInCoding(`"5f"`, "gzip") };
  expect(tags).toEqual({ identity: `"5f"`, gzip: `"5f-gzip"` });
  expect(hasAlready(asking({ "if-none-match": tags.identity }), tags.gzip)).toBe(false);
});

test.each([
  [`"5f"`, true],
  [`W/"5f"`, true],
  [`"1", W/"2" ,"5f"`, true],
  ["*", true],
  [`"5", "f"`, false],
  [`"a,5f"`, false],
  ["5f", false],
  ["", false],
] as const)("If-None-Match: %s has it: %p", (known, isKnown) => {
  expect(hasAlready(asking({ "if-none-match": known }), `"5f"`)).toBe(isKnown);
});

test("without If-None-Match a browser has nothing", () => {
  expect(hasAlready(asking({}), `"5f"`)).toBe(false);
});
