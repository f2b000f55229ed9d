import { expect, test } from "bun:test";
import { Board, boardHours, createBoardMemory } from "../../src/shard/board.ts";

test("a board gives back what was written to it, to every reader", () => {
  const memory = createBoardMemory();
  const [writer, reader] = [new Board(memory), new Board(memory)];
  writer.write((edit) => {
    edit.startHours(1_000);
    edit.addHour(1_000, 5);
    edit.addHour(1_000 + boardHours, 7);
    edit.addHour(999, 7);
    edit.addCategory(2, 3);
    edit.add("pendingEvents", 4);
  });
  const state = reader.read();
  expect(state.hoursFrom).toBe(1_000);
  expect(state.byHour.reduce((sum, events) => sum + events, 0)).toBe(5);
  expect(state.byCategory[2]).toBe(3);
  expect(state.pendingEvents).toBe(4);
});

test("a change that its thread left half done is never seen, and the next one is whole", () => {
  const board = new Board(createBoardMemory());
  board.write((edit) => edit.set("pendingEvents", 1));
  expect(() =>
    board.write((edit) => {
      edit.set("pendingEvents", 2);
      throw new Error("the thread ends here");
    }),
  ).toThrow();
  expect(board.read().pendingEvents).toBe(1);
  board.closeAfterDeath();
  expect(board.read()).toMatchObject({ pendingEvents: 1, ready: 0 });
});

test("a reader in another thread never sees a change half done", async () => {
  const memory = createBoardMemory();
  const worker = new Worker(new URL("./board-writer.ts", import.meta.url).href);
  const ended = new Promise((resolve) => {
    worker.onmessage = resolve;
  });
  worker.postMessage(memory);
  const board = new Board(memory);
  let isEnded = false;
  ended.then(() => {
    isEnded = true;
  });
  while (!isEnded) {
    for (let reads = 0; reads < 1_000; reads++) {
      const state = board.read();
      expect(state.pendingEvents + state.sealedEvents).toBe(state.byCategory[0] ?? -1);
    }
    await Bun.sleep(0);
  }
  worker.terminate();
  expect(board.read().byCategory[0]).toBeGreaterThan(0);
});
