import { expect, test } from "bun:test";
import { existsSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { sequence } from "../../src/base/brand.ts";
import { DataFolderRefused, JournalNotWritten } from "../../src/base/errors.ts";
import { fileReader } from "../../src/journal/file-reader.ts";
import type { Journal, JournalPart } from "../../src/journal/journal.ts";
import { nothingSealed, recovered } from "../support/journal-files.ts";
import { groupOf, linesOf, rowAt, temporaryFolder } from "../support/rows.ts";

/**
 * How an implementation under test is opened in a folder, and how its disk is made to refuse: new files, while it is
 * blocked.
 */
export type JournalUnderTest = {
  open(folder: string, disk: { isBlocked: boolean }): Journal;
};

const anyTime = Date.UTC(2026, 0, 2, 3, 4, 5);
const rows = (count: number) => Array.from({ length: count }, () => rowAt(anyTime));

/** What every journal promises, whatever it is made of. */
export function journalContract(name: string, underTest: JournalUnderTest): void {
  const opened = (folder: string, disk = { isBlocked: false }) => recovered(underTest.open(folder, disk));
  /** Groups that a part holds, as first sequence and rows. */
  const groupsOf = (part: JournalPart | undefined) => {
    if (part === undefined) return [];
    using journal = fileReader.open(part);
    const content = journal?.read();
    expect(content?.corrupt).toEqual([]);
    expect(content?.soundBytes).toBe(content?.fileBytes);
    return content?.groups.map(({ commit }) => [Number(commit.sequence), commit.rows]) ?? [];
  };

  test(`${name}: what was appended reads back in order, group by group`, async () => {
    using folder = temporaryFolder();
    const journal = await opened(folder.path);
    const groups = [1, 3, 2].map(rows);
    for (const each of groups) expect(await journal.append(groupOf(each))).toBeGreaterThan(0);
    const part = await journal.rotate();
    expect(part).toMatchObject({ from: sequence(1), to: sequence(6), rows: 6 });
    expect(groupsOf(part)).toEqual([
      [1, 1],
      [2, 3],
      [5, 2],
    ]);
    expect([...fileReader.rowsOf(part?.path ?? "")].map((line) => `${line}\n`).join("")).toBe(
      groups.map((each) => linesOf(each).lines.toString()).join(""),
    );
    await journal.close();
  });

  test(`${name}: several calls at once are done in their order, parts among them`, async () => {
    using folder = temporaryFolder();
    const journal = await opened(folder.path);
    const before = [journal.append(groupOf(rows(2))), journal.append(groupOf(rows(1)))];
    const first = journal.rotate();
    const between = journal.append(groupOf(rows(4)));
    const second = journal.rotate();
    const empty = journal.rotate();
    await Promise.all([...before, between]);
    expect(groupsOf(await first)).toEqual([
      [1, 2],
      [3, 1],
    ]);
    expect(groupsOf(await second)).toEqual([[4, 4]]);
    expect(await empty).toBeUndefined();
    expect(journal.openFrom).toBe(sequence(8));
    await journal.close();
  });

  test(`${name}: a part is closed for good, and the next one goes on with the next sequence`, async () => {
    using folder = temporaryFolder();
    const journal = await opened(folder.path);
    await journal.append(groupOf(rows(2)));
    const first = await journal.rotate();
    const before = readFileSync(first?.path ?? "");
    await journal.append(groupOf(rows(1)));
    expect((await journal.rotate())?.from).toBe(sequence(3));
    expect(readFileSync(first?.path ?? "").equals(before)).toBe(true);
    await journal.close();
  });

  test(`${name}: bytes that are in no part are told, and none where nothing is`, async () => {
    using folder = temporaryFolder();
    const journal = await opened(folder.path);
    expect(journal.openBytes).toBe(0);
    expect(await journal.rotate()).toBeUndefined();
    const appended = journal.append(groupOf(rows(1)));
    expect(journal.openBytes).toBeGreaterThan(0);
    await appended;
    expect(journal.openFrom).toBe(sequence(1));
    await journal.rotate();
    expect(journal.openBytes).toBe(0);
    expect(await journal.rotate()).toBeUndefined();
    await journal.close();
  });

  test(`${name}: what fails, fails all that was asked after it; the repair leaves what was durable`, async () => {
    using folder = temporaryFolder();
    const disk = { isBlocked: false };
    const journal = await opened(folder.path, disk);
    await journal.append(groupOf(rows(1)));
    const first = await journal.rotate();
    disk.isBlocked = true;
    const asked = [
      journal.append(groupOf(rows(2))),
      journal.append(groupOf(rows(3))),
      journal.rotate(),
      journal.append(groupOf(rows(1))),
    ];
    const answers = await Promise.allSettled<unknown>(asked);
    for (const answer of answers)
      expect(answer).toMatchObject({ status: "rejected", reason: expect.any(JournalNotWritten) });
    expect(journal.repair()).rejects.toThrow(JournalNotWritten);
    await journal.repair().catch(() => undefined);
    expect(journal.append(groupOf(rows(1)))).rejects.toThrow(JournalNotWritten);
    disk.isBlocked = false;
    expect(await journal.repair()).toBeUndefined();
    await journal.append(groupOf(rows(1)));
    const second = await journal.rotate();
    expect(second?.from).toBe(sequence((first?.to ?? 0) + 1));
    expect(groupsOf(second)).toEqual([[2, 1]]);
    await journal.close();
  });

  test(`${name}: a recovery takes up parts and what was in no part, and drops what is sealed`, async () => {
    using folder = temporaryFolder();
    const before = await opened(folder.path);
    await before.append(groupOf(rows(2)));
    await before.rotate();
    await before.append(groupOf(rows(3)));
    await before.rotate();
    await before.append(groupOf(rows(1)));
    await before.close();
    const journal = underTest.open(folder.path, { isBlocked: false });
    const asked: number[] = [];
    const { parts, corrupt } = await journal.recover({
      ...nothingSealed,
      isSealed: async ({ from }) => asked.push(from) > 0 && from < 3,
    });
    expect(asked).toEqual([1, 3, 6]);
    expect(corrupt).toEqual([]);
    expect(parts.map(groupsOf)).toEqual([[[3, 3]], [[6, 1]]]);
    expect(journal.openFrom).toBe(sequence(7));
    await journal.append(groupOf(rows(1)));
    expect((await journal.rotate())?.from).toBe(sequence(7));
    await journal.close();
  });

  test(`${name}: a recovery cuts what was never acknowledged from the end, and tells of damage before it`, async () => {
    using folder = temporaryFolder();
    const before = await opened(folder.path);
    const parts: (JournalPart | undefined)[] = [];
    for (let part = 0; part < 3; part++) {
      for (let group = 0; group < 2; group++) await before.append(groupOf(rows(1)));
      parts.push(await before.rotate());
    }
    await before.close();
    const [damaged, , torn] = parts.map((part) => part?.path ?? "");
    const bytes = readFileSync(damaged ?? "");
    bytes[20] = (bytes[20] ?? 0) ^ 1;
    writeFileSync(damaged ?? "", bytes);
    writeFileSync(torn ?? "", readFileSync(torn ?? "").subarray(0, -100));
    const journal = underTest.open(folder.path, { isBlocked: false });
    const recovery = await journal.recover(nothingSealed);
    expect(recovery.corrupt).toEqual([{ from: sequence(1), until: sequence(3) }]);
    expect(recovery.parts.map(groupsOf)).toEqual([
      [[2, 1]],
      [
        [3, 1],
        [4, 1],
      ],
      [[5, 1]],
    ]);
    await journal.close();
  });

  test(`${name}: files that overlap are refused by name: only a person can judge`, async () => {
    using folder = temporaryFolder();
    const before = await opened(folder.path);
    for (let part = 0; part < 2; part++) {
      await before.append(groupOf(rows(2)));
      await before.rotate();
    }
    await before.close();
    const [first = "", second = ""] = ["1", "3"].map((from) => `${folder.path}/${from}.ndjson`);
    // The second group of the first file says that it is the first of the second.
    writeFileSync(first, Buffer.concat([readFileSync(first), readFileSync(second)]));
    const journal = underTest.open(folder.path, { isBlocked: false });
    const refused = await journal.recover(nothingSealed).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(DataFolderRefused);
    expect(String(refused)).toContain("1.ndjson and");
  });

  test(`${name}: a part that was dropped is gone, also when it is dropped again; who reads it still reads it`, async () => {
    using folder = temporaryFolder();
    const journal = await opened(folder.path);
    await journal.append(groupOf(rows(1)));
    const part = await journal.rotate();
    if (part === undefined) throw new Error("no part");
    using reader = fileReader.open(part);
    for (let time = 0; time < 2; time++) await journal.drop(part);
    expect(existsSync(part.path)).toBe(false);
    expect(reader?.read().groups.length).toBe(1);
    expect(fileReader.open(part)).toBeUndefined();
    await journal.close();
  });

  test(`${name}: what somebody removed is told, of parts and of what takes appends`, async () => {
    using folder = temporaryFolder();
    const journal = await opened(folder.path);
    const parts: JournalPart[] = [];
    for (let time = 0; time < 2; time++) {
      await journal.append(groupOf(rows(1)));
      const part = await journal.rotate();
      if (part !== undefined) parts.push(part);
    }
    expect(journal.removedOf(parts)).toEqual([]);
    unlinkSync(parts[0]?.path ?? "");
    expect(journal.removedOf(parts)).toEqual(parts.slice(0, 1));
    await journal.append(groupOf(rows(1)));
    expect(journal.isRemoved).toBe(false);
    unlinkSync(`${folder.path}/3.ndjson`);
    expect(journal.isRemoved).toBe(true);
    await journal.close();
  });
}
