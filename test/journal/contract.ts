import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Sequence, sequence } from "../../src/base/brand.ts";
import { JournalNotWritten } from "../../src/base/errors.ts";
import type { Journal } from "../../src/journal/journal.ts";
import { readJournal } from "../../src/journal/reader.ts";
import { groupOf, linesOf, rowAt, temporaryFolder } from "../support/rows.ts";

/** How an implementation under test is opened in a folder, and how its disk is made to fail. */
export type JournalUnderTest = {
  open(pathOf: (first: Sequence) => string): Journal;
};

const anyTime = Date.UTC(2026, 0, 2, 3, 4, 5);

/** What every journal promises, whatever it is made of. */
export function journalContract(name: string, underTest: JournalUnderTest): void {
  const opened = (folder: string) => underTest.open((first) => join(folder, `${first}.ndjson`));

  test(`${name}: what was appended reads back in order, group by group`, () => {
    using folder = temporaryFolder();
    const journal = opened(folder.path);
    const groups = [1, 3, 2].map((rows) => Array.from({ length: rows }, () => rowAt(anyTime)));
    for (const rows of groups) journal.append(groupOf(rows));
    const part = journal.rotate();
    expect(part).toMatchObject({ from: sequence(1), to: sequence(6), rows: 6 });
    const content = readJournal(part?.path ?? "", sequence(1));
    expect(content.corrupt).toEqual([]);
    expect(content.soundBytes).toBe(content.fileBytes);
    expect(content.groups.map(({ commit }) => [commit.sequence as number, commit.rows])).toEqual([
      [1, 1],
      [2, 3],
      [5, 2],
    ]);
    expect(content.groups.map(({ lines }) => lines.toString())).toEqual(
      groups.map((rows) => linesOf(rows).lines.toString()),
    );
  });

  test(`${name}: a part is closed, and the next one goes on with the next sequence`, () => {
    using folder = temporaryFolder();
    const journal = opened(folder.path);
    journal.append(groupOf([rowAt(anyTime), rowAt(anyTime)]));
    const first = journal.rotate();
    const before = readFileSync(first?.path ?? "");
    journal.append(groupOf([rowAt(anyTime)]));
    const second = journal.rotate();
    expect(second?.from).toBe(sequence(3));
    expect(readFileSync(first?.path ?? "").equals(before)).toBe(true);
  });

  test(`${name}: without appends there is no part`, () => {
    using folder = temporaryFolder();
    const journal = opened(folder.path);
    expect(journal.rotate()).toBeUndefined();
    journal.append(groupOf([rowAt(anyTime)]));
    journal.rotate();
    expect(journal.rotate()).toBeUndefined();
  });

  test(`${name}: an append that fails is refused until the repair, which leaves only what was durable`, () => {
    using folder = temporaryFolder();
    let isBlocked = false;
    const journal = underTest.open((first) => join(folder.path, isBlocked ? "no-such-folder" : "", `${first}.ndjson`));
    journal.append(groupOf([rowAt(anyTime)]));
    const first = journal.rotate();
    isBlocked = true;
    expect(() => journal.append(groupOf([rowAt(anyTime)]))).toThrow(JournalNotWritten);
    expect(journal.isBroken).toBe(true);
    expect(() => journal.append(groupOf([rowAt(anyTime)]))).toThrow(JournalNotWritten);
    isBlocked = false;
    expect(journal.repair()).toBeUndefined();
    journal.append(groupOf([rowAt(anyTime)]));
    expect(journal.rotate()?.from).toBe(sequence((first?.to ?? 0) + 1));
  });
}
