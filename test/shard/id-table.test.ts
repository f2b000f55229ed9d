import { describe, expect, test } from "bun:test";
import { IdList } from "../../src/shard/ids/id-list.ts";
import { createIdTableMemory, IdTable, idsKeptMin } from "../../src/shard/ids/id-table.ts";
import { draws, fc } from "../support/property.ts";

/** Ids that differ in their number alone. */
function idsOf(...numbers: number[]): IdList {
  const ids = new IdList();
  for (const number of numbers) ids.add(`00000000-0000-4000-8000-${number.toString(16).padStart(12, "0")}`, 7);
  return ids;
}

describe("the id table", () => {
  test("claims an id once; a repeat is told, before and after it is durable", () => {
    const table = new IdTable(createIdTableMemory(), 0);
    expect(table.claim(idsOf(1, 2, 1))).toEqual(["claimed", "claimed", "duplicate"]);
    table.settle(idsOf(1, 2));
    expect(table.claim(idsOf(2, 3))).toEqual(["duplicate", "claimed"]);
  });

  test("tells a repeat with other content as a conflict", () => {
    const table = new IdTable(createIdTableMemory(), 0);
    table.claim(idsOf(1));
    const other = new IdList();
    other.add("00000000-0000-4000-8000-000000000001", 8);
    expect(table.claim(other)).toEqual(["conflict"]);
  });

  test("lets a request wait for an id that is pending in another shard, and holds nothing of it meanwhile", () => {
    const memory = createIdTableMemory();
    const [one, two] = [new IdTable(memory, 0), new IdTable(memory, 1)];
    one.claim(idsOf(1));
    expect(two.claim(idsOf(2, 1))).toBeUndefined();
    expect(one.claim(idsOf(2))).toEqual(["claimed"]);
    one.settle(idsOf(1, 2));
    expect(two.claim(idsOf(2, 1))).toEqual(["duplicate", "duplicate"]);
  });

  test("forgets an id whose group failed", () => {
    const memory = createIdTableMemory();
    const [one, two] = [new IdTable(memory, 0), new IdTable(memory, 1)];
    one.claim(idsOf(1));
    one.release(idsOf(1));
    expect(two.claim(idsOf(1))).toEqual(["claimed"]);
  });

  test("knows what a recovering shard enters, and frees what its last life left pending", () => {
    const memory = createIdTableMemory();
    const [dead, other] = [new IdTable(memory, 0), new IdTable(memory, 1)];
    dead.claim(idsOf(1, 2));
    const successor = new IdTable(memory, 0);
    successor.enter(idsOf(1));
    successor.releasePending();
    expect(other.claim(idsOf(1, 2))).toEqual(["duplicate", "claimed"]);
  });

  test("frees what a recovering shard left pending in both generations, and nothing of another shard", () => {
    const memory = createIdTableMemory();
    const [dead, other, third] = [new IdTable(memory, 0), new IdTable(memory, 1), new IdTable(memory, 2)];
    dead.claim(idsOf(1));
    other.claim(idsOf(2));
    const step = 50_000;
    for (let from = 10; from < idsKeptMin + 2 * step; from += step)
      other.enter(idsOf(...Array.from({ length: step }, (_, index) => from + index)));
    dead.claim(idsOf(3));
    other.claim(idsOf(4));
    new IdTable(memory, 0).releasePending();
    expect(third.claim(idsOf(1, 3))).toEqual(["claimed", "claimed"]);
    expect(third.claim(idsOf(2))).toBeUndefined();
    expect(third.claim(idsOf(4))).toBeUndefined();
  });

  test("is taken back from a thread that died with the lock", () => {
    const memory = createIdTableMemory();
    new Int32Array(memory)[0] = 1;
    new IdTable(memory, 1).unlockAfterDeath();
    expect(new Int32Array(memory)[0]).toBe(1);
    new IdTable(memory, 0).unlockAfterDeath();
    expect(new IdTable(memory, 1).claim(idsOf(1))).toEqual(["claimed"]);
  });

  test("keeps the last million ids, however many came before", () => {
    const table = new IdTable(createIdTableMemory(), 0);
    const total = 2.6 * idsKeptMin;
    const step = 50_000;
    for (let from = 0; from < total; from += step)
      table.enter(idsOf(...Array.from({ length: step }, (_, index) => from + index)));
    const lastMillion = idsOf(...Array.from({ length: 1_000 }, (_, index) => total - idsKeptMin + index * 1_000));
    expect(new Set(table.claim(lastMillion))).toEqual(new Set(["duplicate"]));
    expect(table.claim(idsOf(0))).toEqual(["claimed"]);
  });

  test("agrees with a set, whatever is claimed, settled and released by two shards", () => {
    const step = fc.record({
      shard: fc.nat(1),
      ids: fc.array(fc.nat(12), { minLength: 1, maxLength: 5 }),
      isDurable: fc.boolean(),
    });
    const memory = createIdTableMemory();
    const tables = [new IdTable(memory, 0), new IdTable(memory, 1)] as const;
    let runs = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const base = ++runs * 100;
        const durable = new Set<number>();
        for (const { shard, ids, isDurable } of steps) {
          const numbers = ids.map((id) => base + id);
          const table = tables[shard === 0 ? 0 : 1];
          const outcomes = table.claim(idsOf(...numbers)) ?? [];
          const claimed = numbers.filter((_, index) => outcomes[index] === "claimed");
          expect(claimed).toEqual([...new Set(numbers)].filter((number) => !durable.has(number)));
          if (isDurable) {
            table.settle(idsOf(...claimed));
            for (const number of claimed) durable.add(number);
          } else table.release(idsOf(...claimed));
        }
      }),
      draws(200),
    );
  });
});
