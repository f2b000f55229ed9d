/** Files that variables name: a change is taken, whatever way it is made; what is bad never replaces what is good. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { ConfigInvalid } from "../../src/base/errors.ts";
import { ContentRefused, fileSource, folderSource } from "../../src/base/watched-content.ts";
import { WatchedFile } from "../../src/base/watched-file.ts";
import { recordedLog } from "../support/recorded-log.ts";
import { until } from "../support/until.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-watched-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const newPath = () => join(folder, `file-${files++}`);

/** Watches a file whose content must be words that begin with "good". */
async function watching(path: string) {
  const { log, lines } = recordedLog();
  const changes: string[] = [];
  const watched = await WatchedFile.open({
    variable: "MILLRACE_SOMETHING",
    source: fileSource(path, { bytesMax: 100 }),
    parse: (text) => {
      if (text.startsWith("good")) return text;
      throw new ContentRefused("is not good");
    },
    onChange: (value) => changes.push(value),
    log,
    clock: systemClock,
  });
  return { watched, changes, warnings: () => lines.filter(({ level }) => level === "warn") };
}

const taken = (watched: { value: string }, value: string) =>
  until(() => watched.value === value, { what: `the value ${value}`, limitMs: 2_000 });

describe.concurrent("a change is taken", () => {
  test.each<[string, (path: string) => void]>([
    ["written in place", (path) => writeFileSync(path, "good 2")],
    [
      "renamed over it",
      (path) => {
        writeFileSync(`${path}.new`, "good 2");
        renameSync(`${path}.new`, path);
      },
    ],
    [
      "written in place, of the same size and with the same time",
      (path) => {
        const { atime, mtime } = statSync(path);
        writeFileSync(path, "good 2");
        utimesSync(path, atime, mtime);
      },
    ],
  ])("%s", async (_how, change) => {
    const path = newPath();
    writeFileSync(path, "good 1");
    const { watched, changes } = await watching(path);
    using _ = watched;
    change(path);
    await taken(watched, "good 2");
    expect(changes).toEqual(["good 2"]);
  });

  test("by moving a link, as Kubernetes does", async () => {
    const path = newPath();
    for (const name of ["one", "two"]) {
      mkdirSync(`${path}-${name}`);
      writeFileSync(join(`${path}-${name}`, "file"), `good ${name}`);
    }
    symlinkSync(`${path}-one`, path);
    const { watched } = await watching(join(path, "file"));
    using _ = watched;
    symlinkSync(`${path}-two`, `${path}-next`);
    renameSync(`${path}-next`, path);
    await taken(watched, "good two");
  });

  test("also while it changes all the time", async () => {
    const path = newPath();
    writeFileSync(path, "good 0");
    const { watched } = await watching(path);
    using _ = watched;
    let written = 0;
    const writer = setInterval(() => writeFileSync(path, `good ${++written}`), 20);
    try {
      await until(() => watched.value !== "good 0", { what: "any of the values", limitMs: 2_000 });
    } finally {
      clearInterval(writer);
    }
    await taken(watched, `good ${written}`);
  });
});

test.concurrent("a bad change leaves the last good value, with one warning for each, until it is good again", async () => {
  const path = newPath();
  writeFileSync(path, "good 1");
  const { watched, warnings } = await watching(path);
  using _ = watched;
  const warned = async (count: number, change: () => void) => {
    change();
    await until(() => warnings().length >= count, { what: `warning ${count}`, limitMs: 2_000 });
    expect(watched.value).toBe("good 1");
    expect(watched.problem).toBeString();
  };
  await warned(1, () => writeFileSync(path, "bad"));
  expect(warnings()[0]).toMatchObject({ variable: "MILLRACE_SOMETHING", problem: "is not good" });
  await warned(2, () => writeFileSync(path, "x".repeat(101)));
  expect(warnings()[1]?.["problem"]).toContain("larger than 100 bytes");
  await warned(3, () => writeFileSync(path, new Uint8Array([0xff, 0xfe])));
  expect(warnings()[2]?.["problem"]).toContain("UTF-8");
  await warned(4, () => rmSync(path));
  expect(warnings()[3]?.["problem"]).toContain("ENOENT");
  writeFileSync(path, "good 1");
  await until(() => watched.problem === undefined, { what: "the end of the problem", limitMs: 2_000 });
  expect(warnings()).toHaveLength(4);
});

test("what cannot be used at first is refused under the name of the variable", async () => {
  const [missing, bad, pipe] = [newPath(), newPath(), newPath()];
  writeFileSync(bad, "bad");
  execFileSync("mkfifo", [pipe]);
  for (const [path, why] of [
    [missing, "ENOENT"],
    [bad, "is not good"],
    [pipe, "not a regular file"],
    [folder, "not a regular file"],
  ] as const) {
    const refusal = await watching(path).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ConfigInvalid);
    expect(String(refusal)).toContain("MILLRACE_SOMETHING: ");
    expect(String(refusal)).toContain(why);
  }
});

describe("a folder", () => {
  const opened = async (path: string) =>
    await WatchedFile.open({
      variable: "MILLRACE_SOMETHING",
      source: folderSource(path, { takes: (name) => name.endsWith(".json"), filesMax: 3, bytesMax: 20 }),
      parse: (texts) => Object.fromEntries(texts),
      log: recordedLog().log,
      clock: systemClock,
    });

  test("is read by the names that count, and again when one of them comes, changes or goes", async () => {
    const path = newPath();
    mkdirSync(path);
    writeFileSync(join(path, "a.json"), "1");
    writeFileSync(join(path, "b.txt"), "not read");
    using watched = await opened(path);
    expect(watched.value).toEqual({ "a.json": "1" });
    const becomes = (value: Record<string, string>) =>
      until(() => Bun.deepEquals(watched.value, value), { what: JSON.stringify(value), limitMs: 2_000 });
    writeFileSync(join(path, "b.json"), "2");
    await becomes({ "a.json": "1", "b.json": "2" });
    writeFileSync(join(path, "a.json"), "3");
    await becomes({ "a.json": "3", "b.json": "2" });
    rmSync(join(path, "b.json"));
    await becomes({ "a.json": "3" });
  });

  test("is refused when it is missing, or past its bounds", async () => {
    const path = newPath();
    await expect(opened(path)).rejects.toThrow("ENOENT");
    mkdirSync(path);
    writeFileSync(join(path, "a.json"), "x".repeat(15));
    writeFileSync(join(path, "b.json"), "x".repeat(15));
    await expect(opened(path)).rejects.toThrow("larger than");
    for (const name of ["c", "d"]) writeFileSync(join(path, `${name}.json`), "");
    await expect(opened(path)).rejects.toThrow("holds 4 files, and 3 are allowed");
  });
});
