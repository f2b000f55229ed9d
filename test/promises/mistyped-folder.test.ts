/** A mistyped MILLRACE_DATA_DIR, or a mistyped place to write to, is refused; nothing is made there. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { prepareDataFolder } from "../../src/store/folder/layout.ts";
import { millrace } from "../support/command.ts";
import { temporaryFolder } from "../support/rows.ts";
import { testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

test.each([
  [["sql", "SELECT 1"]],
  [["erase", "--person", "u-1"]],
  [["erase", "--person", "u-1", "--dry-run"]],
  [["compact"]],
  [["redrive"]],
  [["quarantine", "0000-0000000000000001-0000000000000002"]],
  [["export", "--person", "u-1"]],
])("%j on a folder that is not there is exit code 1, and makes no folder", async (words) => {
  using scratch = temporaryFolder();
  const dataDir = join(scratch.path, "none");
  const { code, stdout, stderr } = await millrace(words, { env: { MILLRACE_DATA_DIR: dataDir } });
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toBe(`millrace: ${dataDir} is not a data folder: it has no segments; set MILLRACE_DATA_DIR to one\n`);
  expect(existsSync(dataDir)).toBe(false);
});

test.each([
  [["snapshot", "data/scratch/copy"], "scratch"],
  [["snapshot", "data/quarantine"], "quarantine"],
  [["export", "--out", "data/segments/copy"], "segments"],
])("%j is refused: the service sweeps the folders that it keeps", async (words, kept) => {
  using scratch = temporaryFolder();
  const folder = prepareDataFolder(join(scratch.path, "data"));
  const [place = "", ...command] = words.toReversed();
  const path = join(scratch.path, place);
  const env = { MILLRACE_DATA_DIR: folder.root };
  const { code, stderr } = await millrace([...command.toReversed(), path], { env });
  expect([code, stderr]).toEqual([
    1,
    `millrace: ${path} is within ${join(folder.root, kept)}, which the service keeps; choose another folder\n`,
  ]);
  expect(existsSync(path)).toBe(false);
});

test("an export into a file is refused by name", async () => {
  using scratch = temporaryFolder();
  const folder = prepareDataFolder(join(scratch.path, "data"));
  const out = join(scratch.path, "file");
  writeFileSync(out, "");
  const { code, stderr } = await millrace(["export", "--out", out], { env: { MILLRACE_DATA_DIR: folder.root } });
  expect([code, stderr]).toEqual([1, `millrace: ${out} is a file\n`]);
});
