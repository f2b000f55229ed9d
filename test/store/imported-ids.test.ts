/** Files of imported ids: each id is found, no other, and damage is noticed. */
import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compareIds, ImportedIdsDamaged, ImportedIdsFile, writeImportedIds } from "../../src/store/ids/imported.ts";

const folder = () => {
  const path = mkdtempSync(join(tmpdir(), "millrace-ids-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
};

/** Ids at even places of a spread sequence, in order; those at odd places are in no file. */
function sortedIds(count: number): Uint32Array[] {
  const ids = Array.from({ length: count * 2 }, (_, index) => {
    const id = new Uint32Array(4);
    for (let word = 0; word < 4; word++) id[word] = Math.imul(index * 4 + word + 1, 0x9e3779b1) ^ (index << 7);
    return id;
  });
  return ids.sort((a, b) => compareIds(a, 0, b, 0));
}

test.each([1, 2, 254, 255, 256, 510, 511, 20_000])(
  "of %d ids each is found, and none of those between them",
  (count) => {
    using place = folder();
    const path = join(place.path, "a.ids");
    const ids = sortedIds(count);
    const inside = ids.filter((_, index) => index % 2 === 0);
    writeImportedIds(path, inside.length, inside);
    using file = ImportedIdsFile.open(path);
    for (const [index, id] of ids.entries()) expect(file.has(id, 0)).toBe(index % 2 === 0);
    const all: number[] = [];
    for (const words of file.all()) all.push(...words);
    expect(all).toEqual(inside.flatMap((id) => [...id]));
  },
);

test("a flipped bit costs the ids of its block, and a file that is cut off is not opened", () => {
  using place = folder();
  const path = join(place.path, "a.ids");
  const ids = sortedIds(1_000).filter((_, index) => index % 2 === 0);
  writeImportedIds(path, ids.length, ids);
  const bytes = readFileSync(path);
  for (const at of [0, 4, 8, 12, 4_095]) {
    const flipped = Buffer.from(bytes);
    flipped.writeUInt8(flipped.readUInt8(4_096 + at) ^ 1, 4_096 + at);
    writeFileSync(path, flipped);
    using file = ImportedIdsFile.open(path);
    expect(file.has(ids[0] ?? new Uint32Array(4), 0)).toBe(true);
    expect(file.has(ids[999] ?? new Uint32Array(4), 0)).toBe(true);
    expect(() => file.has(ids[300] ?? new Uint32Array(4), 0)).toThrow(ImportedIdsDamaged);
  }
  writeFileSync(path, bytes);
  truncateSync(path, 4_096 * 3);
  using cut = ImportedIdsFile.open(path);
  expect(() => cut.has(ids[0] ?? new Uint32Array(4), 0)).toThrow(ImportedIdsDamaged);
  truncateSync(path, 5_000);
  expect(() => ImportedIdsFile.open(path)).toThrow(ImportedIdsDamaged);
});
