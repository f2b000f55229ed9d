/** Refused events are sent again under their ids: those that are accepted now leave, the others stay. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { Overloaded } from "../../src/base/errors.ts";
import { openLog } from "../../src/base/log.ts";
import type { Protocol } from "../../src/event/protocols.ts";
import { RefusedStore } from "../../src/refused/refused-store.ts";
import { EachSender } from "../../src/shard/lanes/each-sender.ts";
import type { AppendAnswer, AppendRequest } from "../../src/shard/protocol.ts";
import { prepareDataFolder } from "../../src/store/folder/layout.ts";
import { type MapAgain, redriveAll } from "../../src/upkeep/redrive.ts";
import { Turns } from "../../src/upkeep/turns.ts";
import { type Faults, World } from "../shard/world.ts";

const well: Faults = {
  isWell: true,
  journal: () => ({ doneAfterMs: 0, answeredAfterMs: 0, isRefused: false }),
  seal: () => ({ commitsAfterMs: 0, answersAfterMs: 0, fails: "not" }),
  disk: () => false,
};

let path: string;
let store: RefusedStore;
let world: World;
/** What the shard was sent, and what answers in its place while it is set. */
let sent: string[];
let inItsPlace: (() => AppendAnswer) | undefined;

beforeEach(async () => {
  path = mkdtempSync(join(tmpdir(), "millrace-test-"));
  const folder = prepareDataFolder(path);
  store = RefusedStore.open({ folder, log: openLog("silent", "test"), clock: systemClock, fileBytesMax: 2_000 });
  world = new World(1, well);
  sent = [];
  inItsPlace = undefined;
  await world.start();
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  world[Symbol.dispose]();
  rmSync(path, { recursive: true, force: true });
});

async function submit(request: AppendRequest): Promise<AppendAnswer> {
  sent.push(Buffer.from(request.body).toString());
  if (inItsPlace !== undefined) return inItsPlace();
  const answer = await world.given(world.send(0, request), "an answer");
  if (answer === undefined) throw new Error("the shard does not run");
  return answer;
}

const sender = () => new EachSender({ submit, store });

const refuse = (
  events: readonly string[],
  { protocol = "segment" as Protocol, subject = "me" as string | null } = {},
) => sender().submitEach({ body: Buffer.from(`{"events":[${events.join(",")}]}`), protocol, subject, refused: [] });

const redrive = (
  { protocol = undefined as Protocol | undefined, sinceMs = Number.NEGATIVE_INFINITY } = {},
  mapAgain: MapAgain = async () => [],
) =>
  redriveAll(
    { refusedEvents: store, eachSender: sender(), mapAgain },
    { protocol, sinceMs },
    { isLeft: () => false, turns: new Turns() },
  );

async function reasonsLeft(): Promise<(string | undefined)[]> {
  const lines = await Promise.all(store.paths.map((each) => store.read(each)));
  return lines.flat().map(({ kept }) => kept?.record.reason);
}

/** Keeps a valid event as refused, as if what refused it were mended since. */
const keepMended = async (event: string, subject: string | null = "me") => {
  inItsPlace = () => ({
    kind: "accepted",
    body: JSON.stringify({
      stored: 0,
      duplicates: 0,
      refused: [{ index: 0, reason: "not yet", eventId: null, event }],
    }),
  });
  await refuse([event], { subject });
  inItsPlace = undefined;
};

test("one bad event does not refuse the others, and an id that was accepted is a duplicate", async () => {
  const id = "01900000-0000-7000-8000-000000000001";
  const good = `{"event_name":"good","event_id":"${id}"}`;
  const bad = '{"event_name":"","properties":{"n":1.50}}';
  expect(await refuse([good, bad])).toEqual({ stored: 1, duplicates: 0, refused: 1 });
  expect(await refuse([bad, good, '{"event_name":"other"}'])).toEqual({ stored: 1, duplicates: 1, refused: 1 });
  expect(await refuse([])).toEqual({ stored: 0, duplicates: 0, refused: 0 });
  expect(await reasonsLeft()).toEqual(Array(2).fill("event_name: String should have at least 1 character"));
  const [{ kept } = { kept: undefined }] = await store.read(store.paths[0] ?? "");
  expect(kept?.record).toMatchObject({ event: bad, subject: "me", protocol: "segment", is_mapped: true });
});

test("what could not be mapped is kept beside what is refused, though nothing is left to store", async () => {
  const refused = [{ reason: "no event", eventId: null, event: "{}" }];
  const answer = await sender().submitEach({ body: new Uint8Array(), protocol: "otlp", subject: null, refused });
  expect(answer).toEqual({ stored: 0, duplicates: 0, refused: 1 });
  expect(sent).toEqual([]);
  expect(await reasonsLeft()).toEqual(["no event"]);
});

test("a request is refused whole where the shard takes nothing, and nothing of it is kept", async () => {
  inItsPlace = () => ({ kind: "overloaded", reason: "buffer_full" });
  await expect(refuse(['{"event_name":""}'])).rejects.toBeInstanceOf(Overloaded);
  expect(await reasonsLeft()).toEqual([]);
});

test("events that are accepted now leave, and those that are not stay", async () => {
  for (let index = 0; index < 30; index++) await keepMended(`{"event_name":"mended ${index}"}`);
  await refuse(['{"event_name":""}']);
  sent = [];
  expect(await redrive()).toEqual({ sent: 31, refused: 1 });
  expect(await reasonsLeft()).toEqual(["event_name: String should have at least 1 character"]);
  expect(world.board(0).peek("acceptedEvents")).toBe(30);
  expect(await redrive()).toEqual({ sent: 1, refused: 1 });
});

test("a redrive that was killed before its events left sends them again, and stores none twice", async () => {
  for (const event of ["{}", '{"event_name":"a"}', '{"event_name":"b","event_id":null}']) await keepMended(event);
  const kept = await store.read(store.paths[0] ?? "");
  await redrive();
  // They had not left when it was killed.
  await store.keep(kept.slice(1).map(({ line }) => line.toString()));
  expect(await redrive()).toEqual({ sent: 3, refused: 1 });
  expect(world.board(0).peek("acceptedEvents")).toBe(2);
  expect(world.board(0).peek("duplicates")).toBe(2);
  const ids = kept.map((line) => line.kept?.record.event_id ?? "");
  for (const id of ids.slice(1)) expect(sent.at(-1)).toContain(id);
});

test("each goes with its own sender, and only what was asked for", async () => {
  const startMs = Date.now();
  await keepMended('{"event_name":"a"}', "one");
  await keepMended('{"event_name":"b"}', null);
  expect(await redrive({ protocol: "posthog" })).toEqual({ sent: 0, refused: 0 });
  expect(await redrive({ sinceMs: Date.now() + 10_000 })).toEqual({ sent: 0, refused: 0 });
  sent = [];
  expect(await redrive({ protocol: "segment", sinceMs: startMs })).toEqual({ sent: 2, refused: 0 });
  expect(sent.length).toBe(2);
});

test("what was accepted before the shards take no more has left", async () => {
  await keepMended('{"event_name":"a"}', "one");
  await keepMended('{"event_name":"b"}', "two");
  let answers = 0;
  inItsPlace = () =>
    answers++ === 0
      ? { kind: "accepted", body: '{"stored":1,"duplicates":0,"refused":[]}' }
      : { kind: "overloaded", reason: "buffer_full" };
  await expect(redrive()).rejects.toBeInstanceOf(Overloaded);
  expect(await reasonsLeft()).toEqual(["not yet"]);
});

test("what could not be mapped is mapped again, and gets the id under which it was kept", async () => {
  const refused = [
    { reason: "one", eventId: null, event: '{"raw":1}' },
    { reason: "none", eventId: null, event: '{"raw":2}' },
  ];
  await sender().submitEach({ body: new Uint8Array(), protocol: "otlp", subject: null, refused });
  const [first] = await store.read(store.paths[0] ?? "");
  const answer = await redrive({}, async ({ event }) => (event === '{"raw":1}' ? ['{"event_name":"mapped"}'] : []));
  expect(answer).toEqual({ sent: 2, refused: 1 });
  expect(sent.at(-1)).toBe(`{"events":[{"event_name":"mapped","event_id":"${first?.kept?.record.event_id}"}]}`);
  expect(await reasonsLeft()).toEqual(["none"]);
});
