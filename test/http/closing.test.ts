import { expect, test } from "bun:test";
import { planClosing } from "../../src/http/connections/plan-closing.ts";
import type { Connection } from "../../src/http/connections/sockets.ts";

let descriptor = 0;

function connection(given: Partial<Connection>): Connection {
  descriptor += 1;
  return { descriptor, key: String(descriptor), received: 0, sent: 0, silentMs: 1_000, isBusy: false, ...given };
}

const idle = (silentMs: number) => connection({ received: 200, sent: 100, silentMs });
const busy = (silentMs: number) => connection({ received: 200, isBusy: true, silentMs });

const all = (connections: Connection[]) => new Set(connections.map(({ key }) => key));

test("within the bound nothing is closed", () => {
  const connections = [connection({}), idle(5), busy(5)];
  expect(planClosing(connections, { max: 3, before: new Set() })).toEqual([]);
});

test("those that never asked go first, the newest of them before the others", () => {
  const [older, newer, partly] = [
    connection({ silentMs: 9_000 }),
    connection({ silentMs: 200 }),
    connection({ received: 5, isBusy: true, silentMs: 5_000 }),
  ];
  const connections = [idle(60_000), older, busy(1), newer, partly];
  expect(planClosing(connections, { max: 4, before: all(connections) })).toEqual([newer]);
  expect(planClosing(connections, { max: 2, before: all(connections) })).toEqual([newer, partly, older]);
});

test("one that has only just come may still ask, and nobody ends in its place before it has", () => {
  const [fresh, asked] = [connection({ silentMs: 4 }), idle(10)];
  expect(planClosing([fresh, asked], { max: 1, before: new Set() })).toEqual([]);
  const before = [connection({ silentMs: 1_500 }), connection({ silentMs: 1_600 })];
  const burst = Array.from({ length: 20 }, () => connection({ silentMs: 4 }));
  expect(planClosing([...before, ...burst], { max: 2, before: all(before) })).toEqual([]);
  const [came] = [busy(4)];
  expect(planClosing([asked, came], { max: 1, before: new Set() })).toEqual([asked]);
  expect(planClosing([fresh, connection({ silentMs: 4 })], { max: 1, before: new Set() })).toEqual([]);
});

test("idle ones go before those with a request under way, and what has no answer after seconds before both", () => {
  const [stuck, quiet, working] = [busy(20_000), idle(100), busy(100)];
  const connections = [working, quiet, stuck];
  expect(planClosing(connections, { max: 0, before: all(connections) })).toEqual([stuck, quiet, working]);
});

test("among equals the new ones go, so that whoever came in time stays", () => {
  const before = [idle(100), idle(200)];
  const after = [idle(50), idle(10)];
  expect(planClosing([...before, ...after], { max: 2, before: all(before) })).toEqual(after);
});
