/** Which files are schemas of which events; a file that is neither is refused by its name, never ignored. */
import { describe, expect, test } from "bun:test";
import { compileSchema } from "../../src/schema/compile.ts";
import { schemaFileName, schemaFiles, schemaFolderBounds } from "../../src/schema/files.ts";

const filesOf = (...names: string[]) => schemaFiles(new Map(names.map((name) => [name, "{}"])));

test.each(["purchase", "Checkout Started", "a/b.c", 'it\'s "quoted"', ".hidden", "größer 🙂", "%", "x".repeat(100)])(
  "the file of %p is the one of that event",
  (eventName) => {
    const file = schemaFileName(eventName);
    expect(schemaFolderBounds.takes(file)).toBe(true);
    expect(filesOf(file)).toEqual([{ file, eventName, text: "{}" }]);
  },
);

test.each([
  [".json", "1 to 100 characters"],
  [`${"x".repeat(101)}.json`, "1 to 100 characters"],
  ["a b.json", "must be a%20b.json"],
  ["a%2fb.json", "must be a%2Fb.json"],
  ["%FF.json", "encodeURIComponent of an event name"],
  ["50%.json", "encodeURIComponent of an event name"],
  ["a%00.json", "U+0000"],
])("%s is refused", (file, why) => {
  expect(() => filesOf("purchase.json", file)).toThrow(`${file}: `);
  expect(() => filesOf("purchase.json", file)).toThrow(why);
});

test("names that differ only in case are refused, with both files; all problems are told at once", () => {
  expect(() => filesOf("Purchase.json", "purchase.json", "a b.json")).toThrow(
    /^a b\.json: .*; Purchase\.json and purchase\.json: .*only in case|^Purchase\.json and purchase\.json: .*only in case.*; a b\.json: /,
  );
});

test("only names that end in .json count, and no editor's lock", () => {
  const names = ["README.md", "purchase.json~", ".purchase.json.swp", ".#purchase.json", "purchase.JSON"];
  expect(names.filter(schemaFolderBounds.takes)).toEqual([]);
});

describe("a file that is not a schema is refused by its name", () => {
  test.each([
    ["", "not JSON"],
    ["[]", "must be a JSON object"],
    ["true", "must be a JSON object"],
    ['{"type":"strng"}', "not a JSON Schema"],
    ['{"properties":{"price":{"typ":"number"}}}', "typ"],
    ['{"properties":{"at":{"type":"string","format":"datetime"}}}', "datetime"],
    ['{"properties":{"price":{"type":"string","pattern":"("}}}', "regular expression"],
    ['{"$ref":"https://schemas.example/purchase.json"}', "https://schemas.example/purchase.json"],
    ['{"$ref":"other.json"}', "other.json"],
    ['{"$schema":"http://json-schema.org/draft-04/schema#"}', "draft-04"],
    ['{"$schema":5}', "$schema"],
    ['{"$async":true}', "$async"],
    [`${'{"not":'.repeat(20_000)}{}${"}".repeat(20_000)}`, "call stack"],
  ])("%#", (text, why) => {
    expect(() => compileSchema({ file: "purchase.json", text })).toThrow("purchase.json: ");
    expect(() => compileSchema({ file: "purchase.json", text })).toThrow(why);
  });
});

test("both drafts are taken, each by its own rules; no schema sees another one's names", () => {
  const items = { properties: { pair: { prefixItems: [{ type: "string" }] } } };
  const of = (schema: object) => compileSchema({ file: "purchase.json", text: JSON.stringify(schema) });
  const pair = { pair: [1] };
  expect(of({ $schema: "https://json-schema.org/draft/2020-12/schema", ...items }).firstFault(pair)).toBeDefined();
  expect(of(items).firstFault(pair)).toBeDefined();
  expect(() => of({ $schema: "http://json-schema.org/draft-07/schema#", ...items })).toThrow("prefixItems");
  const old = {
    $schema: "http://json-schema.org/draft-07/schema#",
    properties: { pair: { items: [{ type: "string" }] } },
  };
  expect(of(old).firstFault(pair)).toBeDefined();
  const named = { $id: "https://schemas.example/one", $defs: { n: { $id: "n", type: "number" } } };
  for (let times = 0; times < 2; times++) of(named);
  expect(() => of({ $ref: "https://schemas.example/one" })).toThrow("schemas.example");
});
