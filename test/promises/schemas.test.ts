/** Schemas of properties: refused or counted, read again without a restart, and a typed view of each event name. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { millrace } from "../support/command.ts";
import { RequestRefused, sharedService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const place = mkdtempSync(join(tmpdir(), "millrace-schemas-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));
const folder = join(place, "schemas");
mkdirSync(folder);

const write = (name: string, schema: unknown) =>
  writeFileSync(
    join(folder, `${encodeURIComponent(name)}.json`),
    typeof schema === "string" ? schema : JSON.stringify(schema),
  );

const purchase = {
  type: "object",
  required: ["price"],
  properties: {
    price: { type: "number" },
    count: { type: "integer" },
    paid_at: { type: "string", format: "date-time" },
    basket: { type: "array" },
  },
};
write("purchase", purchase);

const env = { MILLRACE_SCHEMAS: folder, MILLRACE_SCHEMA_MODE: "enforce" };
const service = sharedService({ env });

/** The `detail` of the 422, or undefined where the event is accepted. */
async function refusalOf(event: Record<string, unknown>): Promise<unknown> {
  try {
    await service().track(event);
    return undefined;
  } catch (error) {
    if (!(error instanceof RequestRefused) || error.status !== 422) throw error;
    return JSON.parse(error.text).detail;
  }
}

test("what does not fit is refused, and the view has what is accepted, typed", async () => {
  expect(await refusalOf({ event_name: "purchase", properties: { price: "x" } })).toEqual([
    {
      type: "json_schema",
      loc: ["body", "properties", "price"],
      msg: "Input must be number",
      input: "x",
      ctx: { keyword: "type", schema_path: "#/properties/price/type" },
    },
  ]);
  expect(await refusalOf({ event_name: "purchase" })).toMatchObject([{ loc: ["body", "properties", "price"] }]);
  expect(await refusalOf({ event_name: "other", properties: { price: "x" } })).toBeUndefined();
  const properties = { price: 1.5, count: 3, paid_at: "2026-01-02T03:04:05+02:00", basket: [1] };
  expect(await refusalOf({ event_name: "purchase", properties })).toBeUndefined();
  const sql = "SELECT price, count, paid_at, basket FROM event_purchase";
  const rows = [[1.5, 3, "2026-01-02T01:04:05.000000Z", [1]]];
  const answer = await service().request("/api/v1/analytics/query", {
    body: JSON.stringify({ sql }),
    token: service().token({ scope: "query" }),
  });
  expect(await answer.json()).toMatchObject({ rows });
  const own = await millrace(["sql", "--format", "csv", `SELECT sum(price) AS s FROM event_purchase`], {
    env: { MILLRACE_DATA_DIR: service().dataDir },
  });
  expect(own).toMatchObject({ code: 0, stdout: "s\n1.5\n" });
});

test("a change counts without a restart, for events and views; what is no schema changes nothing", async () => {
  write("purchase", { ...purchase, required: [] });
  await until(async () => (await refusalOf({ event_name: "purchase" })) === undefined, {
    what: "the changed schema",
    limitMs: 4_000,
  });
  write("signup", { properties: { plan: { enum: ["a", "b"] } } });
  await until(async () => (await refusalOf({ event_name: "signup", properties: { plan: "c" } })) !== undefined, {
    what: "the new schema",
    limitMs: 4_000,
  });
  await until(
    async () =>
      (await service()
        .rows("SELECT plan FROM event_signup")
        .catch(() => undefined)) !== undefined,
    {
      what: "the view of the new schema",
      limitMs: 10_000,
    },
  );
  write("signup", '{"propertis":{}}');
  await until(() => service().stderr.includes("signup.json"), { what: "the warning", limitMs: 4_000 });
  expect(await refusalOf({ event_name: "signup", properties: { plan: "c" } })).toMatchObject([{ type: "json_schema" }]);
});

test("a folder that cannot be used at the start is refused by its variable, with exit code 2", async () => {
  const bad = join(place, "bad");
  mkdirSync(bad);
  for (const name of ["Purchase", "purchase"]) writeFileSync(join(bad, `${name}.json`), "{}");
  const dataDir = join(place, "data");
  for (const [schemas, why] of [
    [bad, "Purchase.json and purchase.json"],
    [join(place, "missing"), "ENOENT"],
  ] as const) {
    const ended = await millrace(["serve"], {
      env: { PORT: "0", MILLRACE_DATA_DIR: dataDir, MILLRACE_SCHEMAS: schemas },
    });
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain("MILLRACE_SCHEMAS: ");
    expect(ended.stderr).toContain(why);
  }
  const mode = await millrace(["serve"], { env: { MILLRACE_DATA_DIR: dataDir, MILLRACE_SCHEMA_MODE: "enforce" } });
  expect(mode).toMatchObject({ code: 2 });
  expect(mode.stderr).toContain("MILLRACE_SCHEMA_MODE: enforce needs MILLRACE_SCHEMAS");
});

test("import refuses a row that does not fit, or counts it", async () => {
  const file = join(place, "history.ndjson");
  writeFileSync(file, '{"event_name":"purchase","properties":{"count":"x"}}\n{"event_name":"purchase"}\n');
  write("signup", {});
  const importing = (mode: string) =>
    millrace(["import", "--dry-run", file], {
      env: { ...env, MILLRACE_DATA_DIR: join(place, "d"), MILLRACE_SCHEMA_MODE: mode },
    });
  const refused = await importing("enforce");
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("row 1: properties.count: Input must be integer");
  const counted = await importing("warn");
  expect(counted).toMatchObject({ code: 0, stdout: expect.stringContaining("2 of 2 rows are good") });
  expect(counted.stderr).toContain("1 row with properties that do not fit their schema");
});

test("a first schema is made from the events that are there", async () => {
  const env = { MILLRACE_DATA_DIR: service().dataDir };
  const infer = (...words: string[]) => millrace(["schema", "infer", ...words], { env });
  await service().track({ event_name: "it's new", properties: { plan: "free", seats: 3 } });
  const made = await infer("it's new");
  expect(made).toMatchObject({ code: 0, stderr: "made from 1 of 1 events; its file is it's%20new.json\n" });
  expect(JSON.parse(made.stdout)).toEqual({
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "it's new",
    $comment: "Made from 1 of 1 events by millrace schema infer",
    type: "object",
    required: ["plan", "seats"],
    properties: { plan: { type: "string" }, seats: { type: "integer" } },
  });
  expect(await infer("nobody")).toMatchObject({ code: 1, stdout: "" });
  expect(await infer("")).toMatchObject({ code: 2, stdout: "" });
});
