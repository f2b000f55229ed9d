import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { childrenOf, readProc } from "../support/process.ts";
import { removeFolder } from "../support/remove-folder.ts";
import { type Service, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";
import { compact } from "../support/upkeep.ts";

setDefaultTimeout(testMsMax);

/** What a process of the service started, of these names. */
const entryOf = ({ pid }: Service, name: RegExp) =>
  childrenOf(pid)
    .flatMap((child) => readProc(`${child}/cmdline`).match(/--no-orphans\0([^\0]+)/)?.[1] ?? [])
    .find((entry) => name.test(entry));

/** Accepts an event, merges, and returns what the merge's process started. */
async function mergedBy(service: Service): Promise<string> {
  await service.track({ event_name: "one" });
  const [entry] = await Promise.all([
    until(() => entryOf(service, /\/rewrite-process\.[tj]s$/), { what: "a merge", limitMs: 10_000, everyMs: 1 }),
    compact(service),
  ]);
  return entry;
}

test("merges run from one file, made in the service's own folder; without it from source", async () => {
  await using service = await startService();
  // Bundles are made before the first spare.
  await until(() => entryOf(service, /\/sandbox\.js$/), { what: "a spare", limitMs: 30_000 });
  expect(await mergedBy(service)).toMatch(/\/scratch\/run-[^/]+\/rewrite-process\.js$/);
  await removeFolder(join(service.dataDir, "scratch"));
  expect(await mergedBy(service)).toEndWith("/src/upkeep/rewrite-process.ts");
  expect(await service.rows("SELECT event_name FROM events")).toHaveLength(2);
});
