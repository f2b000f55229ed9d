/** The table of endpoints: what it says is what a client meets. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { issuesOf } from "../../src/event/parse/issues-of.ts";
import { eraseDocumentation } from "../../src/http/endpoints/erase.ts";
import { queryDocumentation } from "../../src/http/endpoints/query-documentation.ts";
import { endpoints } from "../../src/http/endpoints.ts";
import { shaped, validationAnswer } from "../support/answers.ts";
import { draws, fc } from "../support/property.ts";
import { expectRefused } from "../support/refusals.ts";
import { sharedService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

const service = sharedService();

const openApi = Type.Object({ paths: Type.Record(Type.String(), Type.Record(Type.String(), Type.Unknown())) });

test("every endpoint with a scope asks for a token and for that scope; the others ask for none", async () => {
  for (const { method, path, scope } of endpoints) {
    const ask = (token: string | null) =>
      service().request(path, { method, token, ...(method === "POST" ? { body: "{}" } : {}) });
    if (scope === undefined) {
      expect([path, (await ask(null)).status]).toEqual([path, 200]);
      continue;
    }
    await expectRefused(await ask(null), 401);
    const others = ["events:write", "stats:read", "query", "admin"].filter((other) => other !== scope);
    await expectRefused(await ask(service().token({ scope: others.join(" ") })), 403);
  }
});

test("the document has an operation for each documented endpoint, and no other", async () => {
  const document: unknown = await (await service().request("/openapi/json", { token: null })).json();
  const { paths } = shaped(openApi, document);
  const told = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const documented = endpoints.filter(({ documentation }) => documentation !== undefined);
  expect(told.sort()).toEqual(documented.map(({ method, path }) => `${method} ${path}`).sort());
});

const admin = (path: string, body: string, headers: Record<string, string> = {}) =>
  service().request(`/api/v1/analytics/${path}`, { token: service().token({ scope: "admin" }), body, headers });

const choiceMsg =
  "Input should be an object with one of session_id, client_id, subject, user_id, anonymous_id, person, where, " +
  "a string that is not empty";

test.each([
  ["erase", "[1.50]", [["model_attributes_type", ["body"], choiceMsg]]],
  ["erase", '{"session_id":1}', [["model_attributes_type", ["body"], choiceMsg]]],
  ["erase", '{"session_id":"a","client_id":"b"}', [["model_attributes_type", ["body"], choiceMsg]]],
  ["erase", '{"where":""}', [["model_attributes_type", ["body"], choiceMsg]]],
  ["erase", '{"person":""}', [["model_attributes_type", ["body"], choiceMsg]]],
  [
    "erase",
    '{"sesion_id":"a","dry_run":1}',
    [
      ["model_attributes_type", ["body"], choiceMsg],
      ["bool_type", ["body", "dry_run"], "Input should be a valid boolean"],
    ],
  ],
  [
    "erase",
    '{"subject":"a","dry_run":"true"}',
    [["bool_type", ["body", "dry_run"], "Input should be a valid boolean"]],
  ],
  [
    "quarantine",
    '{"segment":"","else":1}',
    [
      ["string_too_short", ["body", "segment"], "String should have at least 1 character"],
      ["extra_forbidden", ["body", "else"], "Extra inputs are not permitted"],
    ],
  ],
  [
    "import",
    '{"file":"../x","events":0,"line_bytes_max":1.5}',
    [
      ["string_pattern_mismatch", ["body", "file"], "String should match pattern '^[0-9a-f-]{36}\\.ndjson$'"],
      ["greater_than_equal", ["body", "events"], "Input should be greater than or equal to 1"],
      ["int_type", ["body", "line_bytes_max"], "Input should be a valid integer"],
      ["missing", ["body", "ids"], "Field required"],
    ],
  ],
  ["erase", "{", [["json_invalid", ["body", 1], "JSON decode error"]]],
])("a body of %s that is not one is 422 in pydantic's words: %s", async (path, body, expected) => {
  const response = await admin(path, body);
  expect(response.status).toBe(422);
  const { detail } = shaped(validationAnswer, await response.json());
  expect(detail.map(({ type, loc, msg }) => [type, loc, msg])).toEqual(expected);
});

test("bodies that are read at once are neither packed nor full of values", async () => {
  await expectRefused(await admin("erase", "{}", { "content-encoding": "gzip" }), 415);
  await expectRefused(await admin("erase", `[${"1.50,".repeat(10_000)}1]`), 413);
});

/** Bodies that are nearly right: known names with good values and bad ones, and others. */
const nearly = (names: readonly string[]) =>
  fc.oneof(
    fc.jsonValue(),
    fc.dictionary(
      fc.constantFrom(...names, "other"),
      fc.oneof(fc.constantFrom("", "a", "csv", true, 0, null), fc.jsonValue()),
      { maxKeys: 3 },
    ),
  );

test("issues are found exactly where the documented schema does not hold", () => {
  for (const [schema, names] of [
    [queryDocumentation.body, ["sql", "params", "format"]],
    [eraseDocumentation.body, ["session_id", "client_id", "subject", "where", "dry_run"]],
  ] as const) {
    expect(schema).toBeDefined();
    if (schema === undefined) continue;
    fc.assert(
      fc.property(nearly(names), (value) => {
        const issues = issuesOf(schema, { loc: ["body"], value, exact: value });
        expect([value, issues.length === 0]).toEqual([value, Value.Check(schema, value)]);
      }),
      draws(500),
    );
  }
});
