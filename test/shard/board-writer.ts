/** The writing thread of the board's test: every change leaves pending and sealed events adding up to the category. */
import { Board } from "../../src/shard/board.ts";

declare const self: Worker;

self.onmessage = (event: MessageEvent<SharedArrayBuffer>) => {
  const board = new Board(event.data);
  const untilMs = Date.now() + 300;
  while (Date.now() < untilMs)
    board.write((edit) => {
      edit.add("pendingEvents", 3);
      edit.addCategory(0, 5);
      edit.add("sealedEvents", 2);
    });
  self.postMessage("done");
};
