/** The live tail: each event once, in the order of its shard, however its reader comes back. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Place, parsePosition, positionText } from "../../src/tail/position.ts";
import { millrace } from "../support/command.ts";
import { temporaryFolder } from "../support/rows.ts";
import { sharedService, startService, testMsMax } from "../support/service.ts";
import { askTail, openStuckTail, openTail, type TailStream } from "../support/tail.ts";
import { until } from "../support/until.ts";
import { briefGrace, compact, erase } from "../support/upkeep.ts";

setDefaultTimeout(testMsMax);

const revoked = join(process.env["TMPDIR"] ?? "/tmp", `millrace-tail-revoked-${process.pid}`);
writeFileSync(revoked, "");
const shared = sharedService({ env: { ...briefGrace, MILLRACE_SHARDS: "2", MILLRACE_REVOKED: revoked } });

const named = (prefix: string, count: number, more: object = {}) =>
  Array.from({ length: count }, (_, index) => ({ event_name: `${prefix} ${index}`, ...more }));

/** Names that are there more than once. */
const repeated = (names: readonly string[]) => names.filter((name, index) => names.indexOf(name) !== index);

function expectOnce(stream: TailStream, events: readonly { event_name: string }[]): void {
  expect(repeated(stream.names)).toEqual([]);
  expect(stream.names.toSorted()).toEqual(events.map(({ event_name }) => event_name).toSorted());
}

describe("an event", () => {
  test("is shown once it is acknowledged, in all columns, with its digits", async () => {
    const service = shared();
    using stream = await openTail(service);
    const properties = `{"n":9007199254740993,"price":1.50,"list":[1e400,{"__proto__":"\\u0000\\""}]}`;
    const { event_id } = await service.track(
      `{"event_name":"ein Stück","category":"trading","timestamp":"2026-03-01T10:00:00.123456+02:00","user_id":"","properties":${properties}}`,
    );
    await service.track({ event_name: "plain" });
    await stream.waitFor(2);
    const [message] = stream.messages;
    expect(message?.data).toEndWith(`"properties":${properties}}`);
    const { received_at, properties: _, ...event } = stream.events[0] ?? {};
    expect(String(received_at)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    expect(event).toEqual({
      event_id,
      event_name: "ein Stück",
      category: "trading",
      priority: "medium",
      timestamp: "2026-03-01T08:00:00.123456Z",
      subject: "tester",
      client_id: null,
      user_id: "",
      anonymous_id: null,
      session_id: null,
      page_url: null,
      referrer: null,
      user_agent: null,
    });
    expect(stream.events[1]?.["properties"]).toBe(null);
  });

  test("is shown in the order of its batch, and none that came before", async () => {
    const service = shared();
    await service.batch(named("before", 3));
    using stream = await openTail(service);
    const events = named("in order", 100);
    await service.batch(events);
    await stream.waitFor(100);
    expect(stream.names).toEqual(events.map(({ event_name }) => event_name));
  });

  test("that came before is not shown again", async () => {
    const service = shared();
    using stream = await openTail(service);
    const event = { event_name: "twice", event_id: crypto.randomUUID() };
    await service.track(event);
    await service.track(event);
    await service.track({ event_name: "after" });
    await stream.waitFor(2);
    expect(stream.names).toEqual(["twice", "after"]);
  });
});

describe("filters", () => {
  test("each alone and all together", async () => {
    const service = shared();
    const wanted = { event_name: 'filter "ä"', category: "auth", session_id: "s&1", user_id: "u=1" };
    const queries = [
      `event_name=${encodeURIComponent(wanted.event_name)}`,
      "category=auth",
      "session_id=s%261",
      "user_id=u%3D1",
      "client_id=",
      `category=auth&session_id=s%261&user_id=u%3D1&client_id=&event_name=${encodeURIComponent(wanted.event_name)}`,
    ];
    const streams = await Promise.all(queries.map((query) => openTail(service, { query })));
    await service.batch(named("unwanted", 5), "somebody");
    // The same string, in another spelling.
    await service.request("/api/v1/analytics/batch", {
      body: JSON.stringify({ events: [wanted], client_id: "" }).replace("s&1", "\\u0073&1"),
    });
    for (const stream of streams) {
      await stream.waitFor(1);
      expect(stream.names).toEqual([wanted.event_name]);
      stream[Symbol.dispose]();
    }
  });

  test.each([
    ["name=x", "event_name, category, session_id, user_id, client_id, from"],
    ["category=auth&category=error", "more than once"],
    ["category=Auth", "page_view"],
    ["category=", "page_view"],
    ["event_name=", "1 to 100"],
    ["from=", "id of a message"],
    ["from=abc", "id of a message"],
    [`from=${positionText({ epoch: 1, position: [5, 5] })}x`, "id of a message"],
  ])("%s is 400 and says what is possible", async (query, told) => {
    const { response } = await askTail(shared(), { query });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain(told);
  });
});

describe("a reader that comes back", () => {
  test("gets what it has not had, once: from journals, across a flush, a merge, kill -9 and other shards", async () => {
    await using service = await startService({ env: { ...briefGrace, MILLRACE_SHARDS: "2" } });
    const first = await openTail(service);
    const events = named("first", 20);
    await service.batch(events);
    await first.waitFor(20);
    first[Symbol.dispose]();
    // In the middle of a batch.
    const middle = first.messages[9]?.id ?? "";
    {
      using stream = await openTail(service, { lastEventId: middle });
      await stream.waitFor(10);
      expectOnce(stream, events.slice(10));
    }
    for (const prefix of ["sealed", "merged", "again"]) {
      const more = named(prefix, 30);
      for (const event of more) await service.track(event);
      events.push(...more);
      await service.waitSealed();
    }
    const { segments } = await compact(service);
    expect(segments).toBeLessThan(4);
    const last = named("last", 10);
    for (const event of last) await service.track(event);
    events.push(...last);
    await service.kill9();
    await service.restart();
    using stream = await openTail(service, { query: `from=${middle}` });
    await service.track({ event_name: "live" });
    events.push({ event_name: "live" });
    await stream.waitFor(events.length - 10);
    expectOnce(stream, events.slice(10));
    expect(stream.gaps).toEqual([]);
    // A filter holds there, too.
    using filtered = await openTail(service, { query: `from=${middle}&event_name=merged%2020` });
    await filtered.waitFor(1);
    expect(filtered.names).toEqual(["merged 20"]);
  });

  test("loses none while segments are sealed and merged beside it", async () => {
    const service = shared();
    using whole = await openTail(service);
    await service.track({ event_name: "start" });
    await whole.waitFor(1);
    const events: { event_name: string }[] = [];
    const names: string[] = [];
    let id = whole.lastId;
    for (let turn = 0; turn < 5; turn++) {
      using stream = await openTail(service, { lastEventId: id });
      const more = named(`turn ${turn}`, 60);
      for (let at = 0; at < more.length; at += 20) await service.batch(more.slice(at, at + 20));
      events.push(...more);
      // It goes away somewhere within.
      await stream.waitFor(1);
      names.push(...stream.names);
      id = stream.lastId;
      if (turn === 2) await compact(service);
    }
    using stream = await openTail(service, { lastEventId: id });
    await stream.waitFor(events.length - names.length);
    names.push(...stream.names);
    expect(repeated(names)).toEqual([]);
    expect(names.length).toBe(events.length);
    await whole.waitFor(events.length + 1);
    expectOnce(whole, [{ event_name: "start" }, ...events]);
  });

  test("does not get what was erased meanwhile", async () => {
    const service = shared();
    const first = await openTail(service);
    await service.track({ event_name: "kept 0" });
    await first.waitFor(1);
    first[Symbol.dispose]();
    await service.batch([
      { event_name: "kept 1" },
      { event_name: "erased", session_id: "to be erased" },
      { event_name: "kept 2" },
    ]);
    await erase(service, { session_id: "to be erased" });
    using stream = await openTail(service, { lastEventId: first.lastId });
    await service.track({ event_name: "kept 3" });
    await stream.waitFor(3);
    expect(stream.names).toEqual(["kept 1", "kept 2", "kept 3"]);
    expect(stream.gaps).toEqual([]);
  });

  test("with a position that is not held is told once, and gets what is held", async () => {
    await using service = await startService({ env: { MILLRACE_SHARDS: "2" } });
    const first = await openTail(service);
    await service.batch(named("old", 5));
    await first.waitFor(5);
    first[Symbol.dispose]();
    const old = first.messages[1]?.id ?? "";
    await service.waitSealed();
    await service.stop();
    for (const file of readdirSync(join(service.dataDir, "segments"))) rmSync(join(service.dataDir, "segments", file));
    await service.restart();
    const { epoch, position } = parsePosition(first.lastId) ?? { epoch: undefined, position: [] };
    const past = position.map((sequence) => sequence + 1_000);
    let current: Place = { epoch, position: past };
    const cases: { lastEventId: () => string; events: number }[] = [
      { lastEventId: () => old, events: 1 },
      // It gets what came since the start, too.
      { lastEventId: () => positionText({ epoch, position: past }), events: 2 },
      // As earlier releases gave it out.
      { lastEventId: () => positionText({ epoch: undefined, position: past }), events: 1 },
      { lastEventId: () => positionText({ ...current, position: [...current.position, 0, 7] }), events: 1 },
    ];
    for (const { lastEventId, events } of cases) {
      using stream = await openTail(service, { lastEventId: lastEventId() });
      await service.track({ event_name: "now" });
      await stream.waitFor(events);
      current = { epoch: undefined, position: [], ...parsePosition(stream.lastId) };
      expect(stream.messages.map(({ event }) => event)).toEqual(["gap", ...Array(events).fill("event")]);
      expect(stream.gaps).toEqual([null]);
    }
  });

  test("to a folder that was restored to an earlier state is told so, and gets what came since", async () => {
    using places = temporaryFolder();
    const copy = join(places.path, "snapshot");
    const restored = join(places.path, "restored");
    const command = async (name: string, dataDir: string) => {
      const { code, stderr } = await millrace([name, copy], { env: { MILLRACE_DATA_DIR: dataDir } });
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    };
    let [before, after] = ["", ""];
    {
      await using service = await startService({ env: { MILLRACE_SHARDS: "1" } });
      using stream = await openTail(service);
      await service.batch(named("in the snapshot", 3));
      await stream.waitFor(3);
      before = stream.lastId;
      await service.waitSealed();
      await command("snapshot", service.dataDir);
      await service.batch(named("lost", 3));
      await stream.waitFor(6);
      after = stream.lastId;
    }
    await command("restore", restored);
    await using service = await startService({ dataDir: restored, env: { MILLRACE_SHARDS: "1" } });
    // They have the sequences of those that were lost, and more.
    const events = named("new", 5);
    await service.batch(events);
    for (const [lastEventId, gaps] of [
      [before, []],
      [after, [null]],
    ] as const) {
      using stream = await openTail(service, { lastEventId });
      await stream.waitFor(events.length);
      expectOnce(stream, events);
      expect(stream.gaps).toEqual([...gaps]);
      // What it gets now is of the restored folder.
      using again = await openTail(service, { lastEventId: stream.messages.at(-2)?.id ?? "" });
      await again.waitFor(1);
      expect(again.names).toEqual(["new 4"]);
      expect(again.gaps).toEqual([]);
    }
  });
});

describe("readers", () => {
  test("one that does not read harms nobody, and gets each event later or in a gap's count", async () => {
    const service = shared();
    using stuck = openStuckTail(service);
    using stream = await openTail(service);
    // Twice what the network and the service hold for one reader.
    const batches = 20;
    const events = named("much", 100, { properties: { text: "x".repeat(9_000) } });
    for (let nth = 0; nth < batches; nth += 1) await service.batch(events);
    const sent = batches * events.length;
    await stream.waitFor(sent);
    expect(stream.gaps).toEqual([]);
    stuck.read();
    await service.track({ event_name: "after the gap" });
    await until(() => stuck.text().includes("after the gap"), { what: "the last event", limitMs: 20_000 });
    const missed = [...stuck.text().matchAll(/data: \{"missed":(\d+)\}/g)].reduce(
      (sum, [, each]) => sum + Number(each),
      0,
    );
    const received = stuck.text().match(/"event_name":"much /g)?.length ?? 0;
    expect(received + missed).toBe(sent);
  });

  test("one that resumes from segments and does not read takes no place of its subject's queries", async () => {
    const service = shared();
    const first = await openTail(service);
    await service.track({ event_name: "here" });
    await first.waitFor(1);
    first[Symbol.dispose]();
    // More than the network and the service hold for one reader.
    const events = named("sealed", 1_500, { properties: { text: "x".repeat(9_000) } });
    for (let at = 0; at < events.length; at += 100) await service.batch(events.slice(at, at + 100));
    await service.waitSealed();
    using stuck = openStuckTail(service, `from=${first.lastId}`);
    await until(
      () => service.metricsText().then((text) => /^millrace_queries_total\{outcome="gone"\} [1-9]/m.test(text)),
      {
        what: "a query that is given up",
        limitMs: 15_000,
      },
    );
    const asked = await service.request("/api/v1/analytics/query?sql=SELECT+1", {
      token: service.token({ scope: "query" }),
    });
    expect(asked.status).toBe(200);
    stuck.read();
    const received = () => stuck.text().match(/"event_name":"sealed \d+"/g) ?? [];
    await until(() => received().length >= events.length, { what: "all events", limitMs: 15_000 });
    const names = received().map((each) => each.slice('"event_name":"'.length, -1));
    expect(names.toSorted()).toEqual(events.map(({ event_name }) => event_name).toSorted());
  });

  test("are bounded, those of one subject first; a stream that ends makes room", async () => {
    const service = shared();
    const of = (subject: string) => service.token({ scope: "query", subject });
    const open: { response: Response; stop: () => void }[] = [];
    const fill = async (token: string) => {
      for (let streams = 0; ; streams++) {
        const asked = await askTail(service, { token });
        if (asked.response.status !== 200) return { streams, ...asked };
        open.push(asked);
      }
    };
    const ofOne = await fill(of("one"));
    expect(ofOne.response.status).toBe(429);
    expect(ofOne.response.headers.get("retry-after")).toMatch(/^\d+$/);
    const ofOther = await fill(of("other"));
    expect(ofOther.streams).toBeGreaterThan(0);
    expect(await service.metricsText()).toMatch(new RegExp(`^millrace_tail_readers ${open.length}$`, "m"));
    open.pop()?.stop();
    await until(
      async () => {
        const again = await askTail(service, { token: of("third") });
        open.push(again);
        return again.response.status === 200;
      },
      { what: "room for another", limitMs: 5_000 },
    );
    for (const each of open) each.stop();
    await until(async () => (await service.metricsText()).includes("\nmillrace_tail_readers 0\n"), {
      what: "no reader to be left",
      limitMs: 5_000,
    });
  });

  test("need the scope query, and only as long as their token counts", async () => {
    const service = shared();
    expect((await askTail(service, { token: service.token({}) })).response.status).toBe(403);
    using brief = await openTail(service, { token: service.token({ scope: "query", ttlSeconds: 3 }) });
    using gone = await openTail(service, { token: service.token({ scope: "query", subject: "gone" }) });
    using stays = await openTail(service);
    writeFileSync(revoked, "sub:gone\n");
    await Promise.all([gone.ended(), brief.ended()]);
    await service.track({ event_name: "stays" });
    await stays.waitFor(1);
  });

  test("end at once when the service stops; all else goes on when the tail's process is killed", async () => {
    await using service = await startService({ env: { MILLRACE_SHARDS: "2" } });
    using stream = await openTail(service);
    await service.track({ event_name: "before" });
    await stream.waitFor(1);
    const pids = async () => (await Bun.$`pgrep -P ${service.pid} -f src/tail/process.ts`.nothrow().text()).trim();
    const killed = await pids();
    for (const pid of killed.split("\n")) process.kill(Number(pid), "SIGKILL");
    // Readers that come meanwhile may start the successor before the service would.
    using others = new DisposableStack();
    const newer: TailStream[] = [];
    while ([killed, ""].includes(await pids())) newer.push(others.use(await openTail(service)));
    await service.batch(named("after", 50));
    await stream.waitFor(51);
    expectOnce(stream, [{ event_name: "before" }, ...named("after", 50)]);
    for (const each of newer) await each.waitFor(50);
    for (const each of newer) expectOnce(each, named("after", 50));
    service.signal("SIGTERM");
    await stream.ended(2_000);
    expect(await service.exited()).toBe(0);
  });
});
