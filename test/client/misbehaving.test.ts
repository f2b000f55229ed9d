/** The client beside a server that misbehaves: what it does again, what it gives up, and that it says so. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Clock } from "../../src/client/clock.ts";
import { createClientIn } from "../../src/client/create.ts";
import { eventId } from "../../src/client/event-id.ts";
import { backoffMs, retryAfterMs } from "../../src/client/retry.ts";
import type { ClientOptions, DropReason } from "../../src/client/types.ts";
import { draws, fc } from "../support/property.ts";
import { type Asked, accepted, startScriptedServer, type Turn } from "../support/scripted-server.ts";
import { testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

const isVersion7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** A clock that runs this many times faster than the real one: a minute of waits takes 0.3 s. */
const speed = 200;

const fastClock: Clock = {
  now: () => performance.now() * speed,
  after(ms, act) {
    const timer = setTimeout(act, ms / speed);
    return () => clearTimeout(timer);
  },
};

/** The same without the client's time-out of 10 s: on a busy machine, this server's answer may take 50 ms. */
const withoutTimeouts: Clock = {
  ...fastClock,
  after: (ms, act) => (ms === 10_000 ? () => {} : fastClock.after(ms, act)),
};

type Dropped = { count: number; reason: DropReason; detail: string | undefined };

/** A client of the fast clock, and what it dropped. */
function clientOf(url: string, options: Partial<ClientOptions> = {}, clock = withoutTimeouts) {
  const dropped: Dropped[] = [];
  const client = createClientIn(
    { url, token: "t", onDrop: (count, reason, detail) => dropped.push({ count, reason, detail }), ...options },
    clock,
  );
  return { client, dropped };
}

/** Long beside every wait of these tests. ms of the fast clock */
const patientMs = 10_000_000;

const issueAt = (...places: number[]) =>
  JSON.stringify({
    detail: places.map((place) => ({ type: "missing", loc: ["body", "events", place, "event_name"] })),
  });

describe("the same events are sent again, under the same ids", () => {
  test.each<[string, Turn]>([
    ["408", { status: 408 }],
    ["425", { status: 425 }],
    ["429", { status: 429 }],
    ["500", { status: 500 }],
    ["503 with Retry-After", { status: 503, headers: { "retry-after": "1" } }],
    ["599", { status: 599 }],
    ["a redirect", { status: 302, headers: { location: "/login" } }],
    ["a cut connection", "cut"],
    ["silence", "silence"],
  ])("after %s", async (_what, turn) => {
    await using server = await startScriptedServer((_asked, nth) => (nth < 3 ? turn : accepted));
    const { client, dropped } = clientOf(server.url, {}, turn === "silence" ? fastClock : withoutTimeouts);
    client.track("a", { n: 1 });
    client.track("b", { n: 2 });
    expect(await client.flush(patientMs)).toEqual({ sent: 2, dropped: 0 });
    expect(dropped).toEqual([]);
    expect(server.requests.length).toBeGreaterThanOrEqual(4);
    expect(new Set(server.requests.map(({ body }) => body)).size).toBe(1);
  });

  test("after a refused connection", async () => {
    const { url } = await (async () => {
      await using gone = await startScriptedServer(() => accepted);
      return gone;
    })();
    const { client } = clientOf(url);
    client.track("a");
    expect(await client.flush(3_000)).toEqual({ sent: 0, dropped: 0 });
    expect(await client.close(3_000)).toEqual({ sent: 0, dropped: 1 });
  });
});

test("a retry is the same request, byte for byte: what is tracked meanwhile goes into the next one", async () => {
  const tracked: (() => void)[] = [];
  await using server = await startScriptedServer((_asked, nth) => {
    tracked.shift()?.();
    return nth < 3 ? { status: 503 } : accepted;
  });
  const { client } = clientOf(server.url);
  for (let nth = 0; nth < 3; nth += 1) tracked.push(() => client.track("later", { nth }));
  client.track("first");
  client.track("first");
  expect(await client.flush(patientMs)).toEqual({ sent: 2, dropped: 0 });
  expect(await client.flush(patientMs)).toEqual({ sent: 3, dropped: 0 });
  const names = server.requests.map(({ events }) => events.map(({ event_name }) => event_name).join());
  expect(names).toEqual([..."first,first ".repeat(4).trim().split(" "), "later,later,later"]);
  expect(new Set(server.requests.slice(0, 4).map(({ body }) => body)).size).toBe(1);
});

test("an acknowledgement whose body is cut off counts: the events are not sent again", async () => {
  await using server = await startScriptedServer(() => ({ status: 200, body: '{"success":true}', isTorn: true }));
  const { client } = clientOf(server.url);
  client.track("a");
  expect(await client.flush(patientMs)).toEqual({ sent: 1, dropped: 0 });
  expect(server.requests).toHaveLength(1);
});

describe("Retry-After", () => {
  test.each([
    ["in seconds", () => "20"],
    ["as a date", () => new Date(fastClock.now() + 21_000).toUTCString()],
  ])("%s holds back everything, a flush too", async (_what, header) => {
    await using server = await startScriptedServer((_asked, nth) =>
      nth === 0 ? { status: 429, headers: { "retry-after": header() } } : accepted,
    );
    const { client } = clientOf(server.url);
    client.track("a");
    await client.flush(patientMs);
    const [first, second] = server.requests;
    expect(((second?.atMs ?? 0) - (first?.atMs ?? 0)) * speed).toBeGreaterThanOrEqual(19_000);
  });

  test("is read in both forms, and a wrong one is none", () => {
    const waitOf = (value: string) => retryAfterMs(new Headers({ "retry-after": value }), Date.UTC(2026, 0, 1));
    expect(["3", "0.5", "0", "-3", "soon", "", "1e9"].map(waitOf)).toEqual([3_000, 500, 0, 0, 0, 0, 3_600_000]);
    expect(waitOf("Thu, 01 Jan 2026 00:00:07 GMT")).toBe(7_000);
    expect(waitOf("Wed, 31 Dec 2025 23:59:59 GMT")).toBe(0);
    expect(retryAfterMs(new Headers(), 0)).toBe(0);
  });
});

test("waits have full jitter below a bound that doubles from 0.5 s to 60 s", () => {
  const bounds = Array.from({ length: 12 }, (_, nth) => backoffMs(nth + 1, 1, false));
  expect(bounds).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000, 60_000]);
  expect(backoffMs(5, 0, false)).toBe(0);
  expect(backoffMs(2_000, 1, false)).toBe(60_000);
  expect(backoffMs(9, 1, true)).toBe(1_000);
});

test("413 halves: what fits arrives, and only what does not fit alone is dropped", async () => {
  await using server = await startScriptedServer(({ bytes }) => (bytes > 2_000 ? { status: 413 } : accepted));
  const { client, dropped } = clientOf(server.url);
  for (let nth = 0; nth < 40; nth += 1)
    client.track(nth === 7 ? "large" : "small", { text: "é".repeat(nth === 7 ? 2_000 : 50) });
  expect(await client.flush(patientMs)).toEqual({ sent: 39, dropped: 1 });
  expect(dropped).toMatchObject([{ count: 1, reason: "too_large" }]);
});

test("422 takes out the events that it names, all at once; one that names none is searched for", async () => {
  const isBad = ({ event_name }: { event_name: string }) => event_name === "bad";
  const judge =
    (body: (asked: Asked) => string) =>
    (asked: Asked): Turn =>
      asked.events.some(isBad) ? { status: 422, body } : accepted;
  const places = ({ events }: Asked) => issueAt(...events.flatMap((event, place) => (isBad(event) ? [place] : [])));
  for (const [body, requests] of [
    [places, 2],
    [() => "not JSON", 20],
  ] as const) {
    await using server = await startScriptedServer(judge(body));
    const { client, dropped } = clientOf(server.url);
    for (let nth = 0; nth < 40; nth += 1) client.track(nth === 3 ? "bad" : "good");
    expect(await client.flush(patientMs)).toEqual({ sent: 39, dropped: 1 });
    expect(dropped).toMatchObject([{ count: 1, reason: "invalid", detail: expect.stringContaining("422 ") }]);
    expect(server.requests.length).toBeLessThanOrEqual(requests);
  }
});

test("400, 403 and 404 are not sent again: the batch is reported, with the answer", async () => {
  for (const status of [400, 401, 403, 404, 405, 415]) {
    await using server = await startScriptedServer(() => ({ status, body: '{"detail":"why"}' }));
    const { client, dropped } = clientOf(server.url);
    client.track("a");
    expect(await client.flush(patientMs)).toEqual({ sent: 0, dropped: 1 });
    expect(dropped).toEqual([{ count: 1, reason: "refused", detail: `${status} {"detail":"why"}` }]);
    expect(server.requests).toHaveLength(1);
  }
});

test("a token function that fails, hangs or gives an old token delays events and drops none", async () => {
  await using server = await startScriptedServer(({ authorization }) =>
    authorization === "Bearer new" ? accepted : { status: 401 },
  );
  let asked = 0;
  const token = (): string | Promise<string> => {
    asked += 1;
    if (asked === 1) throw new Error("no network");
    if (asked === 2) return Promise.reject(Object.create(null));
    if (asked === 3) return new Promise(() => {});
    return asked === 4 ? "old" : Promise.resolve("new");
  };
  const { client, dropped } = clientOf(server.url, { token }, fastClock);
  client.track("a");
  expect(await client.flush(patientMs)).toEqual({ sent: 1, dropped: 0 });
  expect([asked >= 5, dropped.length]).toEqual([true, 0]);
  const askedSoFar = asked;
  client.track("b");
  await client.flush(patientMs);
  expect(asked).toBe(askedSoFar);
});

test("ids are UUIDv7 of their moment, and no two of a hundred thousand share a random part", () => {
  const ids = Array.from({ length: 100_000 }, (_, nth) => eventId(1_700_000_000_000 + (nth % 3)));
  expect(ids.every((id, nth) => id.startsWith(`018bcfe5-680${nth % 3}-7`) && isVersion7.test(id))).toBe(true);
  expect(new Set(ids.map((id) => id.slice(14))).size).toBe(ids.length);
});

test("nothing that an application tracks makes it throw; what is not JSON is reported", () => {
  const { client, dropped } = clientOf("http://127.0.0.1:9");
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  const thrower: { user_id?: string } = {
    get user_id(): string {
      throw new Error("getter");
    },
  };
  const bad: object[] = [
    cycle,
    { n: 1n },
    thrower,
    {
      toJSON() {
        throw Object.create(null);
      },
    },
    new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error("proxy");
        },
      },
    ),
  ];
  for (const properties of bad) client.track("bad", properties);
  client.track("bad", undefined, thrower);
  client.page(undefined, thrower);
  client.identify("u", thrower);
  expect(dropped.map(({ count, reason }) => [count, reason])).toEqual(Array.from({ length: 8 }, () => [1, "not_json"]));
  client.track("large", { text: "x".repeat(900_000) });
  expect(dropped.at(-1)).toMatchObject({ count: 1, reason: "too_large" });
  client.track("fine", null, { user_agent: undefined });
  client.track("fine", { f: () => {}, u: undefined, s: Symbol("s"), d: new Date(Number.NaN) });
  expect(dropped).toHaveLength(9);
  client.optOut();
  expect(dropped.at(-1)).toMatchObject({ count: 2, reason: "opted_out" });
});

test("an onDrop that throws, tracks or ends the client is survived", async () => {
  const seen: DropReason[] = [];
  const { client } = clientOf("http://127.0.0.1:9", {
    onDrop: (_count, reason) => {
      seen.push(reason);
      client.track("again", { n: 1n });
      if (seen.length === 2) client.optOut();
      throw new Error("onDrop");
    },
  });
  const warn = console.warn;
  console.warn = () => {};
  try {
    client.track("a", { n: 1n });
    client.track("b", { n: 1n });
    client.track("c");
  } finally {
    console.warn = warn;
  }
  expect(seen).toEqual(["not_json", "not_json", "opted_out"]);
  expect(await client.flush(0)).toEqual({ sent: 0, dropped: 6 });
});

test("the queue is bounded in events and in bytes, and what does not fit is reported", async () => {
  await using server = await startScriptedServer(() => "silence");
  const few = clientOf(server.url);
  for (let nth = 0; nth < 10_005; nth += 1) few.client.track("a");
  expect(few.dropped).toHaveLength(5);
  const large = clientOf(server.url);
  for (let nth = 0; nth < 40; nth += 1) large.client.track("a", { text: "€".repeat(200_000) });
  expect(large.dropped.map(({ reason }) => reason)).toEqual(Array.from({ length: 14 }, () => "queue_full"));
  few.client.optOut();
  large.client.optOut();
});

test("requests have at most 100 events and 900 KB of UTF-8", async () => {
  await using server = await startScriptedServer(() => accepted);
  const { client } = clientOf(server.url);
  for (let nth = 0; nth < 250; nth += 1) client.track("a", { text: "€".repeat(nth < 30 ? 30_000 : 10) });
  expect(await client.flush(patientMs)).toEqual({ sent: 250, dropped: 0 });
  for (const { bytes, events } of server.requests) {
    expect(bytes).toBeLessThanOrEqual(900_000 + 200);
    expect(events.length).toBeLessThanOrEqual(100);
  }
});

/** What a server may do, at random. */
const turns = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constant(accepted) },
    fc.constantFrom<Turn>("cut", { status: 200, body: "{}", isTorn: true }, "silence"),
    fc.record({ status: fc.constantFrom(400, 403, 408, 413, 413, 422, 425, 429, 500, 503) }),
    fc.record({ status: fc.constant(401) }),
    fc.record({ status: fc.constant(422), body: fc.constantFrom(issueAt(0), issueAt(1, 3), issueAt(500), "{}") }),
    fc.record({ status: fc.constant(503), headers: fc.constantFrom({ "retry-after": "2" }, { "retry-after": "x" }) }),
  ),
  { maxLength: 12 },
);

test("whatever the server does, every event is acknowledged or reported as dropped, once", async () => {
  await fc.assert(
    fc.asyncProperty(turns, fc.integer({ min: 1, max: 260 }), fc.boolean(), async (script, count, isEnded) => {
      const acknowledged = new Set<string>();
      await using server = await startScriptedServer((asked, nth) => {
        const turn = script[nth] ?? accepted;
        if (typeof turn === "object" && turn.status === 200)
          for (const { event_id } of asked.events) acknowledged.add(event_id);
        return turn;
      });
      const { client, dropped } = clientOf(server.url, { token: async () => "t" }, fastClock);
      for (let nth = 0; nth < count; nth += 1) client.track("a", { nth });
      const counts = isEnded ? await client.close(3_000) : await client.flush(patientMs);
      expect(counts.sent + counts.dropped).toBe(count);
      expect(dropped.reduce((sum, each) => sum + each.count, 0)).toBe(counts.dropped);
      // One that was acknowledged too late, or while the client was closed, may also be reported as dropped.
      expect(acknowledged.size).toBeGreaterThanOrEqual(counts.sent);
    }),
    draws(60),
  );
});
