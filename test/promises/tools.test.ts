/** Programs of others open what Millrace lays down: exports as data sets, SQL over HTTP, the catalog file. */
import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Type } from "@sinclair/typebox";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import polars from "nodejs-polars";
import { eventColumns } from "../../src/event/columns.ts";
import { shaped } from "../support/answers.ts";
import { millrace, runToEnd } from "../support/command.ts";
import { hasPandas, printed, runPython } from "../support/pandas.ts";
import { repoRoot } from "../support/process.ts";
import { sharedService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const service = sharedService();

/** Bodies as strings: numbers keep their spelling. What a reader may stumble over stands in them. */
const bodies = [
  '{"event_name":"a, \\"b\\"","timestamp":"2026-02-27T23:59:59.999999Z","properties":{"n":1.50,"big":9007199254740993}}',
  '{"event_name":"line\\nend\\ttab","timestamp":"2026-02-28T00:00:00Z","properties":{ "a" :\n 1.0 },"session_id":"s\'1"}',
  '{"event_name":"ünï 🎈","timestamp":"2026-03-01T00:30:00+01:00","category":"trading","page_url":"https://x.example/?a=1"}',
  '{"event_name":"007","timestamp":"2026-03-02T12:00:00.5Z","category":"error","user_id":"u,\\"1\\"","anonymous_id":"d"}',
];

/** The events as the catalog has them: every column as a string. */
type Told = Readonly<Record<string, string | null>>;

const names = Object.keys(eventColumns);

const asTold = (name: string) =>
  name === "timestamp" || name === "received_at"
    ? `strftime(${name}, '%Y-%m-%dT%H:%M:%S.%fZ') AS ${name}`
    : `${name}::VARCHAR AS ${name}`;

let told: readonly Told[] = [];

beforeAll(async () => {
  for (const body of bodies) await service().track(body);
  await service().waitSealed();
  told = (await service().rows(`SELECT ${names.map(asTold)} FROM events ORDER BY timestamp`)).map((row) =>
    Object.fromEntries(names.map((name) => [name, row[name] === null ? null : String(row[name])])),
  );
  expect(told.length).toBe(bodies.length);
});

/** An export of the format, in a folder of its own. */
async function exported(format: string) {
  const root = mkdtempSync(join(tmpdir(), "millrace-export-"));
  const out = join(root, "out");
  const env = { MILLRACE_DATA_DIR: service().dataDir };
  expect(await millrace(["export", "--out", out, "--format", format], { env })).toMatchObject({ code: 0 });
  const days = readdirSync(out).filter((name) => name.startsWith("day="));
  const files = days.sort().map((day) => join(out, day, `events.${format}`));
  return { out, files, [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }) };
}

/** A value of a reader as the catalog tells it: times to the millisecond, which is what a Date holds. */
const cell = (value: unknown) =>
  value instanceof Date ? value.toISOString() : value === null || value === undefined ? null : String(value);

const toMilliseconds = (row: Told) => ({
  ...row,
  timestamp: row["timestamp"]?.replace(/\d{3}Z$/, "Z") ?? null,
  received_at: row["received_at"]?.replace(/\d{3}Z$/, "Z") ?? null,
});

const asRows = (rows: readonly Readonly<Record<string, unknown>>[]) =>
  rows.map((row) => Object.fromEntries(names.map((name) => [name, cell(row[name])])));

describe("an export is a data set", () => {
  test("of parquet for polars: strings, times in UTC, and days as partitions", async () => {
    using set = await exported("parquet");
    const scanned = polars
      .scanParquet(join(set.out, "day=*", "*.parquet"), { hivePartitioning: true })
      .sort("timestamp");
    const frame = await scanned.collect();
    const types = Object.fromEntries(Object.entries(frame.schema).map(([name, type]) => [name, String(type)]));
    for (const name of names)
      expect([name, types[name]]).toEqual([
        name,
        name === "timestamp" || name === "received_at" ? "DataType(Datetime(us,UTC))" : "DataType(String)",
      ]);
    expect(asRows(frame.select(...names).toRecords())).toEqual(told.map(toMilliseconds));
    const day = scanned.filter(polars.col("day").cast(polars.Utf8).eq(polars.lit("2026-03-02")));
    expect((await day.collect()).height).toBe(1);
  });

  test("of parquet for hyparquet, which knows nothing of DuckDB", async () => {
    using set = await exported("parquet");
    const days = set.files.map(async (path) =>
      parquetReadObjects({ file: await asyncBufferFromFile(path), compressors }),
    );
    expect(asRows((await Promise.all(days)).flat())).toEqual(told.map(toMilliseconds));
  });

  test.skipIf(!hasPandas())("of csv and ndjson for pandas", async () => {
    using csv = await exported("csv");
    const readCsv = `
import json, sys, pandas
rows = pandas.concat(pandas.read_csv(file, dtype=str, keep_default_na=False) for file in sys.argv[1:])
for name in ("timestamp", "received_at"):
    rows[name] = pandas.to_datetime(rows[name], utc=True).dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
print(json.dumps(rows.to_dict("records")))`;
    const blank = told.map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value ?? ""])),
    );
    expect(printed(await runPython({ text: readCsv }, csv.files, {}))).toEqual(blank);

    using ndjson = await exported("ndjson");
    const readNdjson = `
import json, sys, pandas
read = lambda file: pandas.read_json(file, lines=True, dtype=False, convert_dates=False)
rows = pandas.concat(read(file) for file in sys.argv[1:])
rows = rows.astype(object).where(rows.notna(), None)
print(json.dumps(rows.to_dict("records")))`;
    const parsed = told.map((row) => ({ ...row, properties: JSON.parse(row["properties"] ?? "null") }));
    const big = '"big": 9007199254740993';
    const ended = await runPython({ text: readNdjson }, ndjson.files, {});
    expect(ended.stdout).toContain(big);
    expect(printed(ended)).toEqual(parsed);
  });
});

describe("SQL over HTTP", () => {
  test.skipIf(!hasPandas())("is a data frame of pandas, with the token in a header", async () => {
    const file = join(repoRoot, "src/query/examples/notebook.py");
    const env = { MILLRACE_URL: service().url, TOKEN: service().token({ scope: "query" }) };
    const { code, stdout, stderr } = await runPython({ file }, [], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^category +error +trading +user_action$/m);
    expect(stdout).toMatch(/^2026-02-28 23:00:00\+00:00 +0 +1 +0$/m);
  });

  const dashboard = Type.Object({
    panels: Type.Array(
      Type.Object({
        title: Type.String(),
        targets: Type.Array(
          Type.Object({
            url: Type.String(),
            format: Type.String(),
            url_options: Type.Object({
              method: Type.String(),
              body_content_type: Type.String(),
              data: Type.String(),
            }),
            columns: Type.Array(Type.Object({ selector: Type.String(), type: Type.String() })),
          }),
        ),
      }),
    ),
  });

  /** A line end outside of quotes. */
  const lineEnd = /\n(?=(?:[^"]*"[^"]*")*[^"]*$)/;

  const unlessBusy = (answer: Response) => (answer.status === 429 ? undefined : answer);

  /** The rows of a panel, by the request that Grafana's Infinity data source sends for it. */
  async function panelRows({ targets: [target] }: (typeof dashboard)["static"]["panels"][number]) {
    if (target === undefined) throw new Error("a panel without a target");
    const { method, body_content_type, data } = target.url_options;
    const range = { from: Date.UTC(2026, 1, 27), to: Date.UTC(2026, 2, 3) };
    const body = data.replaceAll(/\$\{__(from|to)\}/g, (_, end: "from" | "to") => String(range[end]));
    const headers = { "content-type": body_content_type };
    const ask = () =>
      service().request(target.url, { method, headers, body, token: service().token({ scope: "query" }) });
    // All panels ask at once. On a busy machine one may find no place in its 5 s, and is told to try again.
    const answer = await until(async () => unlessBusy(await ask()), { what: "a place", limitMs: 10_000 });
    const [head = "", ...lines] = (await answer.text()).trimEnd().split(lineEnd);
    expect([answer.status, head]).toEqual([200, target.columns.map(({ selector }) => selector).join(",")]);
    return lines.map((line) => line.split(","));
  }

  test("draws the dashboard for Grafana: every panel's request has the columns and numbers that it shows", async () => {
    const file = join(repoRoot, "src/query/examples/grafana-dashboard.json");
    const { panels } = shaped(dashboard, JSON.parse(readFileSync(file, "utf8")));
    const rows = Object.fromEntries(
      await Promise.all(panels.map(async (panel) => [panel.title, await panelRows(panel)] as const)),
    );
    expect(rows["Events"]).toEqual([["4"]]);
    expect(rows["People seen"]).toEqual([["1"]]);
    expect(Number(rows["Sealed until"]?.[0]?.[0])).toBeGreaterThanOrEqual(0);
    const series = rows["Events and sessions"] ?? [];
    expect(series.reduce((sum, [, events]) => sum + Number(events), 0)).toBe(4);
    for (const [time] of series) expect(new Date(Number(time)).getUTCFullYear()).toBe(2026);
    expect(rows["Events by category"]?.map(([, category]) => category).sort()).toEqual([
      ...["error", "trading"],
      ...["user_action", "user_action"],
    ]);
    expect(rows["Top events"]?.length).toBe(4);
  });
});

test("the catalog file is a source of Evidence's own driver, in Node", async () => {
  const questions = [
    "SELECT event_name, category, timestamp FROM events WHERE event_name = '007'",
    "SELECT value, events FROM top(category, 1)",
  ];
  const file = join(repoRoot, "test/fixtures/evidence.mjs");
  const { PATH } = process.env;
  const { code, stdout, stderr } = await runToEnd(["node", file, service().dataDir, ...questions], { env: { PATH } });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(
    stdout
      .trim()
      .split("\n")
      .map((line): unknown => JSON.parse(line)),
  ).toEqual([
    {
      all: [{ event_name: "007", category: "error", timestamp: "2026-03-02T12:00:00.500Z" }],
      types: { event_name: "string", category: "string", timestamp: "date" },
    },
    { all: [{ value: "user_action", events: 2 }], types: { value: "string", events: "number" } },
  ]);
});
