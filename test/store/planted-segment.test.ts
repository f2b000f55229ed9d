import { expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { sequence, shardId } from "../../src/base/brand.ts";
import { segmentName } from "../../src/store/folder/names.ts";
import { DuckDB } from "../../src/store/sql/duckdb.ts";
import { millrace } from "../support/command.ts";
import { temporaryFolder } from "../support/rows.ts";
import { startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

test("C9: a segment whose events are a view is refused by name by verify and by a service, and its view never runs", async () => {
  using place = temporaryFolder();
  const made = join(place.path, "made.duckdb");
  {
    using duckdb = await DuckDB.open({ threads: 1, memoryMiB: 256 });
    await duckdb.run(`ATTACH '${made}' AS planted`);
    await duckdb.run("CREATE VIEW planted.events AS SELECT content FROM read_text('/etc/passwd')");
    await duckdb.run(
      "CREATE TABLE planted.rollup AS SELECT 1 AS hour, 1 AS category, 1 AS priority, 1 AS event_name, 1 AS events",
    );
    await duckdb.run("DETACH planted");
  }
  await using service = await startService();
  const name = {
    shard: shardId(0),
    from: sequence(1),
    to: sequence(1),
    generation: 0,
    format: 2,
    crc32: crc32(readFileSync(made)),
  };
  const file = segmentName(name);
  copyFileSync(made, join(service.dataDir, "segments", file));
  await until(async () => (await (await service.health()).text()).includes(`segments/${file}`), {
    what: "health to name it",
    limitMs: 30_000,
  });
  expect(await service.count()).toBe(0);
  const verified = await millrace(["verify", service.dataDir]);
  expect(verified.code).toBe(1);
  expect(verified.stdout).toContain(`${file}: cannot be read: the file is not a segment: it has no table events`);
  expect(verified.stdout).not.toContain("root:");
});
