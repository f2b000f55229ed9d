import { expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepareDataFolder } from "../../src/store/folder/layout.ts";
import { sweepUnfinished } from "../../src/store/sweep.ts";

test("a start removes unfinished files wherever a crash can leave one, and nothing else", () => {
  const root = mkdtempSync(join(tmpdir(), "millrace-test-"));
  try {
    const folder = prepareDataFolder(root);
    mkdirSync(folder.quarantine);
    const places = [folder.root, folder.journal, folder.refused, folder.segments, folder.ids, folder.quarantine];
    const unfinished = places.map((place) => join(place, "half.tmp"));
    const kept = places.filter((place) => place !== folder.ids).map((place) => join(place, "whole"));
    for (const path of [...unfinished, ...kept]) writeFileSync(path, "");
    expect(sweepUnfinished(folder).toSorted()).toEqual(unfinished.toSorted());
    expect(unfinished.filter((path) => existsSync(path))).toEqual([]);
    expect(kept.filter((path) => !existsSync(path))).toEqual([]);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("a folder without quarantine is swept, too", () => {
  const root = mkdtempSync(join(tmpdir(), "millrace-test-"));
  try {
    expect(sweepUnfinished(prepareDataFolder(root))).toEqual([]);
  } finally {
    rmSync(root, { recursive: true });
  }
});
