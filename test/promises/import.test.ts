/** A history from elsewhere: whole, each id once, checked like what is sent. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { queryFile } from "../support/catalog.ts";
import { millrace } from "../support/command.ts";
import { startService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

const lines = [
  '{"event_id":"01a20919-3612-70a9-873d-3af1a245a664","event_name":"old","timestamp":"2024-02-03T04:05:06.789Z","received_at":"2024-02-03T04:05:07Z","subject":"crm","client_id":"c-1","session_id":"s-1","properties":{"price":1.50,"big":9007199254740993}}',
  '{"event_name":"older","category":"trading","timestamp":1700000000,"properties":null}',
  '{"event_name":"older","category":"trading","timestamp":1700000000,"properties":null}',
];

const place = () => {
  const path = mkdtempSync(join(tmpdir(), "millrace-import-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
};

test("ndjson, csv and parquet come in beside a running service, are counted, and come once however often they are given", async () => {
  using files = place();
  await using service = await startService();
  const env = { MILLRACE_DATA_DIR: service.dataDir, MILLRACE_JWT_SECRET: service.secret };
  await service.track({ event_name: "new" });
  const ndjson = join(files.path, "history.ndjson");
  writeFileSync(ndjson, `${lines.join("\n")}\n`);
  const first = await millrace(["import", ndjson], { env });
  expect({ code: first.code, stdout: first.stdout }).toEqual({
    code: 0,
    stdout: "3 of 3 events imported, the others were there already\n",
  });
  await service.waitSealed();
  expect((await service.stats()).total_events).toBe(4);
  const [old] = await service.rows(
    "SELECT properties::VARCHAR AS properties, subject, epoch_ms(received_at)::VARCHAR AS received FROM events WHERE event_name = 'old'",
  );
  expect(old).toEqual({
    properties: '{"price":1.50,"big":9007199254740993}',
    subject: "crm",
    received: String(Date.parse("2024-02-03T04:05:07Z")),
  });
  const [csv, parquet] = [join(files.path, "history.csv"), join(files.path, "history.parquet")];
  for (const path of [csv, parquet]) await queryFile(service.catalogPath, `COPY (FROM events) TO '${path}'`);
  const again = await millrace(["import", ndjson, csv, parquet], { env });
  expect(again.stdout).toBe("0 of 11 events imported, the others were there already\n");
  expect((await service.stats()).total_events).toBe(4);
  expect((await millrace(["verify", service.dataDir])).code).toBe(0);

  using elsewhere = place();
  for (const path of [csv, parquet]) await millrace(["import", path], { env: { MILLRACE_DATA_DIR: elsewhere.path } });
  const content = "SELECT count(*)::VARCHAR AS events, bit_xor(hash(events))::VARCHAR AS hash FROM events";
  expect(await queryFile(join(elsewhere.path, "millrace.duckdb"), content)).toEqual(await service.rows(content));
});

test.each([
  [
    "a.ndjson",
    '{"event_name":"fine"}\n{"event_name":""}\n',
    "a.ndjson, row 2: event_name: String should have at least 1",
  ],
  ["b.ndjson", '{"event_name":\n', "b.ndjson, row 1"],
  ["c.csv", "event_name,category\nx,nonsense\n", "c.csv, row 1: category: Input should be"],
  ["d.txt", "x", "d.txt: the name must end in"],
])("%s is refused with its row and field, and nothing of its piece comes in", async (name, text, message) => {
  using files = place();
  const path = join(files.path, name);
  writeFileSync(path, text);
  const env = { MILLRACE_DATA_DIR: join(files.path, "data") };
  const refused = await millrace(["import", path], { env });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain(message);
  expect(refused.stderr).not.toContain("    at ");
});
