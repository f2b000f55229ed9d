/** How processes with limits end: without what would hold up the service that waits for them. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { limitedProcess } from "../../src/base/limited-process.ts";
import { prepareDataFolder } from "../../src/store/folder/layout.ts";
import { testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

const place = mkdtempSync(join(tmpdir(), "millrace-process-end-"));
const folder = prepareDataFolder(join(place, "data"));
const scratch = mkdtempSync(join(place, "scratch-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

test.each([
  [
    "query/sandbox.ts",
    { sql: "SELECT 1 AS one", format: "csv", parameters: [], root: folder.root, scratch, rowsMax: 1 },
    "one\n1\n",
  ],
  [
    "query/sandbox.ts",
    { sql: "SELECT none", format: "csv", parameters: [], root: folder.root, scratch: join(place, "b"), rowsMax: 1 },
    "",
  ],
  [
    "upkeep/rewrite-process.ts",
    { folder, threads: 1, memoryMiB: 64, job: { kind: "merge imported ids" } },
    '{"kind":"done","result":null}\n',
  ],
])("%s does not look at its threads in /proc as it ends, and what it said is whole", async (path, order, said) => {
  const entry = fileURLToPath(new URL(`../../src/${path}`, import.meta.url));
  const { command, env } = limitedProcess({ entry, args: ["64"], memoryMiB: 1_024 });
  const calls = join(place, "calls");
  const child = Bun.spawn(["strace", "-f", "-qq", "-e", "trace=open,openat", "-o", calls, ...command], {
    env,
    cwd: mkdtempSync(join(place, "own-")),
    stdin: Buffer.from(JSON.stringify(order)),
    stdout: "pipe",
    stderr: "ignore",
  });
  expect([await child.stdout.text(), (await child.exited) === 0]).toEqual([said, false]);
  const opened = readFileSync(calls, "utf8");
  expect(opened).toContain("libduckdb");
  expect(opened).not.toMatch(/"\/proc\/\d+\/task/);
});
