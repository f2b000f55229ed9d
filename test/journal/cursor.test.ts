/** A cursor reads what is durable, once and in order, whatever the shard does to its files meanwhile. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sequence } from "../../src/base/brand.ts";
import { LineBuffer } from "../../src/base/line-buffer.ts";
import { openLog } from "../../src/base/log.ts";
import { JournalCursor } from "../../src/journal/cursor.ts";
import { diskSteps } from "../../src/journal/disk-steps.ts";
import { FileJournal } from "../../src/journal/file-journal.ts";
import type { JournalPart } from "../../src/journal/journal.ts";
import { rowLines } from "../../src/journal/reader.ts";
import { filesIn } from "../support/journal-files.ts";
import { randomFrom } from "../support/random.ts";

/** A row that says its sequence; some look like a commit line inside. */
const rowOf = (number: number, bytes: number) =>
  `{"event_id":"${number}","text":"\\n{\\"commit\\":{","more":"${"x".repeat(bytes)}"}\n`;

async function world(seed: number) {
  const random = randomFrom(seed);
  const folder = mkdtempSync(join(tmpdir(), "millrace-test-"));
  const files = filesIn(folder);
  let isTorn = false;
  const steps = {
    ...diskSteps,
    // A write that fails after all of its bytes are in the file.
    write: (descriptor: number, bytes: Uint8Array, position: number) => {
      writeSync(descriptor, bytes, 0, bytes.byteLength, position);
      if (isTorn) throw Object.assign(new Error("EIO"), { code: "EIO" });
    },
  };
  const journal = new FileJournal({ files, isSynced: true, log: openLog("silent", "test"), steps });
  await journal.recover({ isSealed: async () => false, nextAfter: () => sequence(1) });
  const parts: JournalPart[] = [];
  let durableTo = 0;
  const append = () => {
    const rows = random.between({ from: 1, to: 5 });
    return appendOf(Array(rows).fill(random.between({ from: 0, to: 9 }) === 0 ? 100_000 : 20));
  };
  /** One group with a row of each of these sizes. */
  const appendOf = async (sizes: readonly number[]) => {
    const rows = sizes.length;
    const lines = new LineBuffer();
    for (const [index, bytes] of sizes.entries()) {
      const text = rowOf(durableTo + index + 1, bytes);
      lines.reserve(text.length * 3);
      lines.text(text);
    }
    await journal.append({ lines, rows });
    durableTo += rows;
  };
  return {
    random,
    files,
    append,
    appendOf,
    durableTo: () => durableTo,
    fail: async () => {
      isTorn = true;
      await append().catch(() => undefined);
      isTorn = false;
    },
    repair: async () => {
      const part = await journal.repair();
      if (part !== undefined) parts.push(part);
    },
    rotate: async () => {
      const part = await journal.rotate();
      if (part !== undefined) parts.push(part);
    },
    /** The oldest part is sealed. */
    drop: async () => {
      const part = parts.shift();
      if (part !== undefined) await journal.drop(part);
      return part;
    },
    [Symbol.asyncDispose]: async () => {
      await journal.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Everything up to `to`, as the numbers in the rows. */
function readTo(cursor: JournalCursor, to: number): { numbers: number[]; isGone: boolean } {
  const numbers: number[] = [];
  for (;;) {
    const found = cursor.take(to);
    if (found.kind !== "rows") return { numbers, isGone: found.kind === "gone" };
    for (const { from, lines } of found.groups)
      for (const [index, line] of [...rowLines(lines)].entries()) {
        expect(JSON.parse(line.toString()).event_id).toBe(String(from + index));
        numbers.push(from + index);
      }
  }
}

for (const seed of [1, 2, 3, 4, 5, 6])
  test(`one that follows misses nothing while files are failed, repaired, closed and removed (${seed})`, async () => {
    await using shard = await world(seed);
    using cursor = new JournalCursor(sequence(1), { list: () => shard.files.list(), readsRemoved: true });
    const numbers: number[] = [];
    for (let step = 0; step < 150; step++) {
      const act = shard.random.between({ from: 0, to: 9 });
      if (act < 5) await shard.append();
      else if (act === 5) {
        await shard.fail();
        // What failed is in the file, and is not shown.
        numbers.push(...readTo(cursor, shard.durableTo()).numbers);
        await shard.repair();
      } else if (act === 6) await shard.rotate();
      else {
        const found = readTo(cursor, shard.durableTo());
        expect(found.isGone).toBe(false);
        numbers.push(...found.numbers);
        // It has read all of the closed files, or has the last of them open.
        if (act === 9) await shard.drop();
      }
    }
    numbers.push(...readTo(cursor, shard.durableTo()).numbers);
    expect(numbers).toEqual(Array.from({ length: shard.durableTo() }, (_, index) => index + 1));
  });

test("one that starts anywhere gets the rest; what was removed is gone", async () => {
  await using shard = await world(7);
  for (let group = 0; group < 30; group++) {
    await shard.append();
    if (group % 10 === 9) await shard.rotate();
  }
  const end = shard.durableTo();
  for (let next = 1; next <= end; next++) {
    using cursor = new JournalCursor(sequence(next), { list: () => shard.files.list(), readsRemoved: false });
    expect(readTo(cursor, end).numbers).toEqual(Array.from({ length: end - next + 1 }, (_, index) => next + index));
  }
  using begun = new JournalCursor(sequence(1), { list: () => shard.files.list(), readsRemoved: false });
  // It has read the beginning, and begins again.
  expect(begun.take(end).kind).toBe("rows");
  begun.moveTo(sequence(1));
  const dropped = await shard.drop();
  expect(readTo(begun, end)).toEqual({ numbers: [], isGone: true });
  begun.moveTo(sequence((dropped?.to ?? 0) + 1));
  expect(readTo(begun, end).numbers.at(-1)).toBe(end);
});

test("a group of any size is read in pieces, from any of its events on, and never before it is durable", async () => {
  const shard = await world(8);
  await using _ = shard;
  await shard.append();
  const begin = shard.durableTo();
  // The lines of 3 MB, and one line that is larger than a read.
  await shard.appendOf([...Array(3_000).fill(1_000), 300_000, ...Array(100).fill(10)]);
  await shard.append();
  const end = shard.durableTo();
  for (const next of [1, begin + 1, begin + 2, begin + 2_000, begin + 3_001, begin + 3_002, end]) {
    using cursor = new JournalCursor(sequence(next), { list: () => shard.files.list(), readsRemoved: false });
    const expected = Array.from({ length: end - next + 1 }, (_each, index) => next + index);
    expect(readTo(cursor, end).numbers).toEqual(expected);
  }
  using cursor = new JournalCursor(sequence(1), { list: () => shard.files.list(), readsRemoved: false });
  expect(readTo(cursor, begin + 3_100).numbers).toHaveLength(begin);
  let most = 0;
  for (let found = cursor.take(end); found.kind === "rows"; found = cursor.take(end))
    most = Math.max(most, ...found.groups.map(({ lines }) => lines.byteLength));
  expect(cursor.next).toBe(sequence(end + 1));
  // The one line, and no more than a read beside it.
  expect(most).toBeGreaterThan(300_000);
  expect(most).toBeLessThan(400_000);
});
