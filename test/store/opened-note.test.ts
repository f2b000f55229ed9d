import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { sequence, shardId } from "../../src/base/brand.ts";
import { prepareDataFolder } from "../../src/store/folder/layout.ts";
import { missingIn, noteOpened } from "../../src/store/folder/missing.ts";
import { journalName, openedName } from "../../src/store/folder/names.ts";
import { inspectSmallFiles } from "../../src/store/small-files.ts";
import { temporaryFolder } from "../support/rows.ts";

const shard = shardId(0);

/** A folder with a note that the journal file from its first event on was begun, and the path of the note. */
function notedFolder(path: string) {
  const folder = prepareDataFolder(join(path, "data"));
  noteOpened(folder, { shard, from: sequence(1) });
  return { folder, note: join(folder.opened, openedName(shard)) };
}

test("whatever a power cut leaves of a new note of the open journal file is no alarm, with its journal there or not", () => {
  using temporary = temporaryFolder();
  const { folder, note } = notedFolder(temporary.path);
  const { byteLength } = readFileSync(note);
  for (let length = 0; length <= byteLength; length++) {
    writeFileSync(note, Buffer.alloc(length));
    expect(missingIn(folder)).toEqual([]);
    expect(inspectSmallFiles(folder)).toEqual([]);
  }
});

test("a sound note tells a journal file that was removed; a damaged one is named until the next one is written over it", () => {
  using temporary = temporaryFolder();
  const { folder, note } = notedFolder(temporary.path);
  expect(missingIn(folder)).toMatchObject([{ shard, from: 1 }]);
  writeFileSync(join(folder.journal, journalName({ shard, from: sequence(1) })), "");
  expect(missingIn(folder)).toEqual([]);
  const bytes = readFileSync(note);
  for (const damaged of [bytes.subarray(0, -3), bytes.subarray(1), Buffer.concat([bytes, Buffer.from("x")])]) {
    writeFileSync(note, damaged);
    expect(inspectSmallFiles(folder).map(({ file }) => file)).toEqual([relative(folder.root, note)]);
    noteOpened(folder, { shard, from: sequence(1) });
    expect(inspectSmallFiles(folder)).toEqual([]);
  }
});
