import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { childrenOf, programOf } from "../support/process.ts";
import { removeFolder } from "../support/remove-folder.ts";
import { temporaryFolder } from "../support/rows.ts";
import { type Service, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";
import { compact } from "../support/upkeep.ts";

setDefaultTimeout(testMsMax);

/** The program of this name that a process of the service runs. */
const running = ({ pid }: Service, name: RegExp) =>
  childrenOf(pid)
    .flatMap((child) => programOf(child) ?? [])
    .find((program) => name.test(program));

/** Accepts an event, merges, and returns the merge's program. */
async function mergedBy(service: Service): Promise<string> {
  await service.track({ event_name: "one" });
  const [program] = await Promise.all([
    until(() => running(service, /\/rewrite-process\.[tj]s$/), { what: "a merge", limitMs: 10_000, everyMs: 1 }),
    compact(service),
  ]);
  return program;
}

test("merges run from one file, made in the service's own folder; without it from source", async () => {
  await using service = await startService();
  // Bundles are made before the first spare.
  await until(() => running(service, /\/sandbox\.js$/), { what: "a spare", limitMs: 30_000 });
  expect(await mergedBy(service)).toMatch(/\/scratch\/run-[^/]+\/rewrite-process\.js$/);
  await removeFolder(join(service.dataDir, "scratch"));
  expect(await mergedBy(service)).toEndWith("/src/upkeep/rewrite-process.ts");
  expect(await service.rows("SELECT event_name FROM events")).toHaveLength(2);
});

test("in a folder with a backslash, which the runtime takes for a slash, they run from source", async () => {
  using place = temporaryFolder();
  await using service = await startService({ dataDir: join(place.path, "a\\b") });
  await until(() => running(service, /\/sandbox\.ts$/), { what: "a spare", limitMs: 30_000 });
  expect(await mergedBy(service)).toEndWith("/src/upkeep/rewrite-process.ts");
  expect(await service.rows("SELECT event_name FROM events")).toHaveLength(1);
});
