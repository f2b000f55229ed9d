/**
 * Properties of shards as a whole: group commit, admission, flush and recovery against a model of what was sent,
 * acknowledged and refused. The journal answers late, out of order or not at all well, each step of its disk may fail,
 * the keeper fails before or after its commit, threads die and the process starts again.
 */
import { expect, test } from "bun:test";
import type { AppendAnswer } from "../../src/shard/protocol.ts";
import type { CallManner } from "../support/late-journal.ts";
import type { SealManner } from "../support/model-keeper.ts";
import { fc } from "../support/property.ts";
import { type Faults, World } from "./world.ts";

const shards = 2;
const idOf = (id: number) => `00000000-0000-4000-8000-${id.toString(16).padStart(12, "0")}`;

/**
 * What happens to the shards: requests of events with one of few ids of their own, or without, time, seals, and ends.
 */
function happenings({ ids, withoutId, ends }: { ids: number; withoutId: number; ends: number }) {
  const shard = fc.nat(shards - 1);
  const id = fc.oneof(
    { weight: 2, arbitrary: fc.nat(ids - 1) },
    { weight: withoutId, arbitrary: fc.constant(undefined) },
  );
  const send = fc.record({
    kind: fc.constant("send" as const),
    shard,
    ids: fc.array(id, { minLength: 1, maxLength: 4 }),
  });
  const pass = fc.record({ kind: fc.constant("pass" as const), ms: fc.constantFrom(0, 0, 1, 3, 60, 1_100) });
  const seal = fc.record({ kind: fc.constant("seal" as const), shard });
  const die = fc.record({ kind: fc.constant("die" as const), shard });
  const restart = fc.record({ kind: fc.constant("restart" as const) });
  const step = fc.oneof(
    { weight: 8, arbitrary: send },
    { weight: 4, arbitrary: pass },
    { weight: 1, arbitrary: seal },
    { weight: ends, arbitrary: die },
    { weight: 1, arbitrary: restart },
  );
  return fc.array(step, { minLength: 1, maxLength: 25 });
}

const calls: fc.Arbitrary<CallManner> = fc.record({
  doneAfterMs: fc.constantFrom(0, 0, 1, 4),
  answeredAfterMs: fc.constantFrom(0, 0, 2, 7, 70),
  isRefused: fc.integer({ min: 0, max: 7 }).map((n) => n === 0),
});
const seals: fc.Arbitrary<SealManner> = fc.record({
  commitsAfterMs: fc.constantFrom(0, 5, 100),
  answersAfterMs: fc.constantFrom(0, 5, 100),
  fails: fc.constantFrom("not", "not", "before", "after"),
});
/** Steps of the disk that fail: from one on, this many. */
const diskFaults = (first: number) =>
  fc.array(fc.record({ from: fc.nat(first), count: fc.constantFrom(1, 1, 2, 5, 1_000) }), { maxLength: 2 });

type Request = {
  shard: number;
  events: { name: string; id: string | undefined }[];
  answer: AppendAnswer | undefined;
  /** Whether its shard ended before it answered, or before it cut what it had refused. */
  isUncertain: boolean;
};

/** What was sent and answered, and how that must be found at the end. */
class Model {
  readonly requests: Request[] = [];
  readonly #world: World;
  #events = 0;

  constructor(world: World) {
    this.#world = world;
  }

  send(to: number, ids: readonly (number | undefined)[]): Request {
    const events = ids.map((id) => ({ name: `e${this.#events++}`, id: id === undefined ? undefined : idOf(id) }));
    const request: Request = { shard: to, events, answer: undefined, isUncertain: false };
    this.requests.push(request);
    const bodies = events.map(({ name, id }) => ({ event_name: name, ...(id === undefined ? {} : { event_id: id }) }));
    const form = bodies.length === 1 ? "event" : "batch";
    const body = Buffer.from(JSON.stringify(form === "event" ? bodies[0] : { events: bodies }));
    void this.#world.send(to, { form, body, encoding: "identity", subject: null }).then((answer) => {
      request.answer = answer;
    });
    return request;
  }

  /** A shard is about to end. */
  ends(ended: number): void {
    const isBroken = this.#world.board(ended).peek("journalFailed") === 1;
    for (const request of this.requests)
      if (request.shard === ended && (request.answer === undefined || (isBroken && reasonOf(request) !== undefined)))
        request.isUncertain = true;
  }

  /** What readers see of a shard at any time. */
  checkBoard(of: number): void {
    const board = this.#world.board(of).read();
    const counted = board.byCategory.reduce((sum, events) => sum + events, 0);
    expect(board.pendingEvents + board.sealedEvents).toBe(counted);
    const acknowledged = this.requests
      .filter((request) => request.shard === of && board.ready === 1)
      .reduce((sum, request) => sum + newEventsOf(request), 0);
    expect(counted).toBeGreaterThanOrEqual(acknowledged);
  }

  /** Everything is sealed: each event is there as it was answered. */
  checkSealed(): void {
    const rows = this.#world.keeper.segments.flatMap((segment) => segment.rows);
    const found = new Map<string, number>();
    for (const key of rows.flatMap(({ head, eventName }) => [head.eventId, eventName]))
      found.set(key, (found.get(key) ?? 0) + 1);
    for (const count of found.values()) expect(count).toBe(1);
    for (const request of this.requests) {
      const { answer, events, isUncertain } = request;
      const present = events.filter(({ name }) => found.has(name)).length;
      if (answer?.kind === "accepted") {
        expect(present).toBe(newEventsOf(request));
        for (const { name, id } of events) expect(found.has(id ?? name)).toBe(true);
      } else if (!isUncertain) expect(present).toBe(0);
      else if (events.every(({ id }) => id === undefined)) expect([0, events.length]).toContain(present);
    }
    for (let of = 0; of < shards; of++) this.#checkShard(of);
  }

  #checkShard(of: number): void {
    const segments = this.#world.keeper.segments.filter(({ name }) => name.shard === of);
    let next = 1;
    for (const { name } of segments.sort((a, b) => a.name.from - b.name.from)) {
      expect(Number(name.from)).toBe(next);
      next = name.to + 1;
    }
    const board = this.#world.board(of);
    expect(board.reserved).toBe(0);
    expect(board.read()).toMatchObject({ pendingEvents: 0, sealedEvents: next - 1, journalFailed: 0, journalBytes: 0 });
    expect(board.read().byHour.reduce((sum, events) => sum + events, 0)).toBe(next - 1);
    this.checkBoard(of);
  }

  /** Whether an event of this id is sealed. */
  has(id: string): boolean {
    return this.#world.keeper.segments.some(({ rows }) => rows.some(({ head }) => head.eventId === id));
  }
}

const reasonOf = ({ answer }: Request) => (answer?.kind === "overloaded" ? answer.reason : undefined);

/** Events of an accepted request that were not duplicates. */
function newEventsOf({ answer, events }: Request): number {
  if (answer?.kind !== "accepted") return 0;
  const body = JSON.parse(answer.body);
  return events.length - Number(body.duplicate ?? body.events_duplicate);
}

/** Waits until each request that can be answered is, seals all, and holds what is there against the model. */
async function settle(world: World, model: Model): Promise<void> {
  const waiting = model.requests.filter(({ answer, isUncertain }) => answer === undefined && !isUncertain);
  for (let passedMs = 0; waiting.some(({ answer }) => answer === undefined); passedMs += 50) {
    if (passedMs > 60_000)
      throw new Error(`${waiting.filter(({ answer }) => answer === undefined).length} requests hang`);
    await world.time.pass(50);
  }
  for (let of = 0; of < shards; of++) {
    let isSealed = false;
    for (let tries = 0; !isSealed && tries < 20; tries++) isSealed = await world.given(world.seal(of), "the seal");
    expect(isSealed).toBe(true);
  }
  await world.time.pass(100);
  model.checkSealed();
}

/** Everything that may happen. */
const anything = fc.record({
  steps: happenings({ ids: 6, withoutId: 2, ends: 1 }),
  calls: fc.array(calls, { maxLength: 40 }),
  seals: fc.array(seals, { maxLength: 10 }),
  diskFaults: diskFaults(60),
});

/** Two ids that are sent again and again, to a journal that is late and to a disk that fails early. */
const duplicates = fc.record({
  steps: happenings({ ids: 2, withoutId: 0, ends: 3 }),
  calls: fc.array(calls, { minLength: 5, maxLength: 40 }),
  seals: fc.constant<SealManner[]>([]),
  diskFaults: diskFaults(12),
});

type Scenario = typeof anything extends fc.Arbitrary<infer Value> ? Value : never;

/** The next of some manners, and `after` once they are used up. */
const oneByOne = <Manner>(manners: readonly Manner[], after: Manner) => {
  let next = 0;
  return () => manners[next++] ?? after;
};

const wellDone: CallManner = { doneAfterMs: 0, answeredAfterMs: 0, isRefused: false };
const wellSealed: SealManner = { commitsAfterMs: 1, answersAfterMs: 1, fails: "not" };

async function live(given: Scenario): Promise<void> {
  const faults: Faults = {
    isWell: false,
    journal: oneByOne(given.calls, wellDone),
    seal: oneByOne(given.seals, wellSealed),
    disk: (at) => given.diskFaults.some(({ from, count }) => at >= from && at < from + count),
  };
  using world = new World(shards, faults);
  const model = new Model(world);
  await world.start();
  for (const each of given.steps) {
    if (each.kind === "send") model.send(each.shard, each.ids);
    else if (each.kind === "pass") await world.time.pass(each.ms);
    else if (each.kind === "seal") void world.seal(each.shard);
    else {
      const ended = each.kind === "die" ? [each.shard] : [0, 1];
      await world.time.pass(0);
      for (const one of ended) model.ends(one);
      if (each.kind === "die") world.die(each.shard);
      else world.restart();
      await world.start();
    }
    for (let of = 0; of < shards; of++) model.checkBoard(of);
  }
  faults.isWell = true;
  await settle(world, model);
  // What was sent before is known, and only that; ids of what failed are free again.
  for (let id = 0; id < 6; id++) {
    const isThere = model.has(idOf(id));
    const request = model.send(id % shards, [id]);
    await settle(world, model);
    expect(request.answer?.kind).toBe("accepted");
    expect(newEventsOf(request)).toBe(isThere ? 0 : 1);
  }
}

test("whatever fails or is late: acknowledged events are there once, refused ones are not, counts agree, nothing hangs", async () => {
  await fc.assert(fc.asyncProperty(anything, live));
});

test("the same, where few ids are sent again and again while their groups fail", async () => {
  await fc.assert(fc.asyncProperty(duplicates, live));
});

/** Faults of a test that chooses them. */
const faultsOf = (some: Partial<Faults>): Faults => ({
  isWell: false,
  journal: () => wellDone,
  seal: () => wellSealed,
  disk: () => false,
  ...some,
});

test("the bytes of a group that failed are counted until they are cut, and no longer", async () => {
  const send = (id: number) => ({ kind: "send" as const, shard: 1, ids: [id] });
  await live({
    steps: [send(0), { kind: "restart" }, send(1), { kind: "pass", ms: 60 }],
    calls: [],
    seals: [],
    diskFaults: [{ from: 3, count: 2 }],
  });
});

test("a duplicate of an event whose group is under way shares its fate", async () => {
  const appends = oneByOne([{ doneAfterMs: 0, answeredAfterMs: 10, isRefused: true }], wellDone);
  using world = new World(shards, faultsOf({ journal: (call) => (call === "append" ? appends() : wellDone) }));
  const model = new Model(world);
  await world.start();
  const first = model.send(0, [1]);
  await world.time.pass(1);
  const duplicate = model.send(0, [1]);
  await world.time.pass(1);
  expect([first.answer, duplicate.answer]).toEqual([undefined, undefined]);
  const behind = model.send(0, [1, undefined]);
  await world.time.pass(20);
  for (const { answer } of [first, duplicate, behind])
    expect(answer).toEqual({ kind: "overloaded", reason: "commit_failed" });
  await world.time.pass(100);
  const retried = model.send(0, [1]);
  await settle(world, model);
  expect(newEventsOf(retried)).toBe(1);
});

test("an id whose group failed is free only once its rows are cut: until then a recovery may find them", async () => {
  let fullAfterSteps = Number.POSITIVE_INFINITY;
  using world = new World(shards, faultsOf({ disk: () => fullAfterSteps-- <= 0 }));
  const model = new Model(world);
  await world.start();
  model.send(0, [1]);
  await world.time.pass(1);
  // The rows of this group are written, and their sync fails, as does everything after it.
  fullAfterSteps = 1;
  const failed = model.send(0, [2]);
  await world.time.pass(1);
  expect(failed.answer).toEqual({ kind: "overloaded", reason: "commit_failed" });
  const elsewhere = model.send(1, [2]);
  await world.time.pass(1_000);
  expect(elsewhere.answer).toEqual({ kind: "overloaded", reason: "commit_late" });
  model.ends(0);
  world.die(0);
  fullAfterSteps = Number.POSITIVE_INFINITY;
  await world.start();
  await settle(world, model);
  expect(model.has("00000000-0000-4000-8000-000000000002")).toBe(true);
});
