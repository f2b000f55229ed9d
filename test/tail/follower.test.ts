/** The follower gives each reader each event once, wherever the other readers are. */
import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { dataFolder } from "../../src/store/folder/names.ts";
import { Follower } from "../../src/tail/follower.ts";
import { layEvents } from "../support/journals.ts";
import { temporaryFolder } from "../support/rows.ts";

/** Names of the events that each reader was sent. */
function namesByReader() {
  const names = new Map<number, string[]>();
  return {
    of: (reader: number) => names.get(reader) ?? [],
    take: (reader: number, text: Uint8Array) => {
      const found = [
        ...Buffer.from(text)
          .toString()
          .matchAll(/"event_name":"([^"]*)"/g),
      ].map(([, name]) => String(name));
      names.set(reader, [...(names.get(reader) ?? []), ...found]);
    },
  };
}

test("a reader that resumes from the newest event gets nothing again while others are still read to", () => {
  using root = temporaryFolder();
  const folder = dataFolder(root.path);
  for (const each of [folder.segments, folder.journal]) mkdirSync(each);
  const sent = namesByReader();
  const follower = new Follower(folder, {
    epoch: 7,
    tell: (notice) => {
      if (notice.kind === "messages") sent.take(notice.reader, notice.text);
    },
    nowMs: () => 0,
  });
  // Each file is read in a step of its own.
  const properties = { text: "x".repeat(8_000) };
  const lay = (from: number, to: number) => {
    const numbers = Array.from({ length: to - from + 1 }, (_, index) => from + index);
    const events = numbers.map((number) => ({ receivedMs: number, event: { event_name: `${number}`, properties } }));
    layEvents(folder.root, { from }, events);
    return numbers.map(String);
  };
  follower.take({ kind: "ends", ends: [0] });
  follower.take({ kind: "attach", reader: 1, position: [0], filter: {}, isResuming: false, hasGap: false });
  follower.step();
  const events = [...lay(1, 7), ...lay(8, 14), ...lay(15, 21)];
  follower.take({ kind: "ends", ends: [21] });
  expect(follower.step()).toBe(true);
  expect(sent.of(1)).toEqual(events.slice(0, 7));
  follower.take({ kind: "attach", reader: 2, position: [21], filter: {}, isResuming: true, hasGap: false });
  follower.take({ kind: "attach", reader: 3, position: [21], filter: {}, isResuming: false, hasGap: false });
  while (follower.step());
  const last = lay(22, 23);
  follower.take({ kind: "ends", ends: [23] });
  while (follower.step());
  follower.step();
  expect(sent.of(1)).toEqual([...events, ...last]);
  expect(sent.of(2)).toEqual(last);
  expect(sent.of(3)).toEqual(last);
});

test("a reader that takes nothing for a second is slow: what it missed is counted, and told once it takes again", () => {
  using root = temporaryFolder();
  const folder = dataFolder(root.path);
  for (const each of [folder.segments, folder.journal]) mkdirSync(each);
  let nowMs = 0;
  let missed = 0;
  let text = "";
  let underWayBytes = 0;
  const follower = new Follower(folder, {
    epoch: 7,
    tell: (notice) => {
      if (notice.kind === "missed") missed += notice.events;
      if (notice.kind !== "messages") return;
      text += Buffer.from(notice.text).toString();
      underWayBytes += notice.text.byteLength;
    },
    nowMs: () => nowMs,
  });
  follower.take({ kind: "ends", ends: [0] });
  follower.take({ kind: "attach", reader: 1, position: [0], filter: {}, isResuming: false, hasGap: false });
  follower.step();
  const properties = { text: "x".repeat(10_000) };
  const events = Array.from({ length: 100 }, () => ({ receivedMs: 1, event: { event_name: "much", properties } }));
  layEvents(folder.root, { from: 1 }, events);
  follower.take({ kind: "ends", ends: [100] });
  while (follower.step());
  follower.step();
  expect(missed).toBe(0);
  nowMs = 2_000;
  follower.step();
  const received = text.match(/"event_name":"much"/g)?.length ?? 0;
  expect(received).toBeGreaterThan(0);
  expect(missed).toBe(100 - received);
  expect(text).not.toContain("event: gap");
  follower.take({ kind: "taken", reader: 1, bytes: underWayBytes });
  follower.step();
  expect(text).toContain(`event: gap\ndata: {"missed":${missed}}`);
});
