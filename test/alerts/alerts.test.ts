/** When an alert changes its state, who is told, and how often. Only the time is the test's. */
import { afterAll, afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Alert } from "../../src/alerts/alert.ts";
import { Alerts } from "../../src/alerts/alerts.ts";
import type { Measured } from "../../src/alerts/measure.ts";
import { prepareDataFolder } from "../../src/store/folder/layout.ts";
import { recordedLog } from "../support/recorded-log.ts";
import { until } from "../support/until.ts";
import { VirtualTime } from "../support/virtual-time.ts";

const received: Record<string, unknown>[] = [];
let answers: number[] = [];
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: async (request) => {
    received.push({ path: new URL(request.url).pathname, ...Object(await request.json()) });
    const status = answers.shift() ?? 204;
    return new Response(null, { status, headers: { location: "/redirected" } });
  },
});
afterAll(() => server.stop(true));

let place = "";
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "millrace-alerts-"));
  received.length = 0;
  answers = [];
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

const minuteMs = 60_000;
const alert = (name: string): Alert => ({
  name,
  sql: name,
  limit: { above: 10 },
  everyMs: minuteMs,
  webhook: `${server.url.origin}/key-of-${name}`,
});

/** A run of alerts whose SQL is their name and measures what the test has put there. */
function run(time: VirtualTime, names: readonly string[] = ["a"]) {
  const values = new Map<string, Measured>(names.map((name) => [name, { ok: true, value: 0 }]));
  let list = names.map(alert);
  const { log, lines } = recordedLog();
  const asked: string[] = [];
  const alerts = Alerts.open({
    folder: prepareDataFolder(place),
    log,
    time: time.part(),
    alerts: () => list,
    measure: async (sql) => {
      asked.push(sql);
      return values.get(sql) ?? { ok: false, problem: "not there" };
    },
  });
  return {
    alerts,
    asked,
    lines,
    measures: (value: number | string, name = "a") =>
      values.set(name, typeof value === "number" ? { ok: true, value } : { ok: false, problem: value }),
    use: (changed: readonly Alert[]) => {
      list = [...changed];
    },
    [Symbol.asyncDispose]: () => alerts[Symbol.asyncDispose](),
  };
}

const states = () => received.map(({ state }) => state);
const told = (count: number) => until(() => received.length === count, { what: `${count} messages`, limitMs: 10_000 });
/** Until this many answers of the receiver have come back, which takes no time of the test's. */
const answered = (alerts: Alerts, messages: number) =>
  until(() => alerts.counts.messages.sent + alerts.counts.messages.failed >= messages, {
    what: "the receiver's answer",
    limitMs: 10_000,
  });

test("a firing is sent once, and its end once; what lies between is not sent", async () => {
  const time = new VirtualTime();
  await using it = run(time);
  await time.pass(minuteMs);
  expect(received).toEqual([]);
  it.measures(11);
  await time.pass(minuteMs);
  await told(1);
  expect(received[0]).toEqual({
    path: "/key-of-a",
    alert: "a",
    state: "firing",
    value: 11,
    at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
  });
  await answered(it.alerts, 1);
  it.measures(12);
  await time.pass(5 * minuteMs);
  expect(it.alerts.shown()).toMatchObject([{ alert: "a", state: "firing", value: 12 }]);
  it.measures(10);
  await time.pass(minuteMs);
  await told(2);
  expect(received[1]).toMatchObject({ state: "resolved", value: 10 });
  await time.pass(10 * minuteMs);
  expect(states()).toEqual(["firing", "resolved"]);
  expect(it.alerts.warnings).toEqual([]);
});

test("what cannot be measured changes no state, is told and counted, and in the log once for each reason", async () => {
  const time = new VirtualTime();
  await using it = run(time);
  it.measures(11);
  await time.pass(minuteMs);
  await told(1);
  it.measures("the first cell of its first row is NULL");
  await time.pass(3 * minuteMs);
  expect(it.alerts.shown()).toMatchObject([{ state: "firing", value: 11 }]);
  expect(it.alerts.warnings).toEqual([expect.stringContaining("the alert a cannot be measured, so its state stays")]);
  expect(it.alerts.counts.turns).toMatchObject({ measured: 1, failed: 3 });
  expect(it.lines.filter(({ msg }) => msg === "an alert cannot be measured")).toHaveLength(1);
  it.measures(11);
  await time.pass(minuteMs);
  expect(it.alerts.warnings).toEqual([]);
  expect(states()).toEqual(["firing"]);
});

test("a receiver that does not take it is asked again after pauses, then no more; the newest state wins", async () => {
  const time = new VirtualTime();
  await using it = run(time);
  // A redirect is not followed.
  answers = [500, 302, 404, ...Array(30).fill(503)];
  it.measures(11);
  await time.pass(minuteMs);
  for (let tries = 1; tries < 4; tries++) {
    await answered(it.alerts, tries);
    await time.pass(7_000);
  }
  expect(it.alerts.warnings).toEqual([expect.stringContaining("is not taken, and is sent again")]);
  expect(received.every(({ path, state }) => path === "/key-of-a" && state === "firing")).toBe(true);
  it.measures(1);
  // What is under way when the state changes has to come back first.
  const newest = async () => {
    await time.pass(minuteMs);
    return states().includes("resolved");
  };
  await until(newest, { what: "the newest state", limitMs: 10_000 });
  const firings = states().indexOf("resolved");
  for (let tries = 1; tries <= 9; tries++) {
    await answered(it.alerts, firings + tries);
    await time.pass(3_600_000 + 1_000);
  }
  await time.pass(10 * 3_600_000);
  expect(states()).toEqual([...Array(firings).fill("firing"), ...Array(9).fill("resolved")]);
  expect(it.alerts.warnings).toEqual([expect.stringContaining("has not been taken 9 times")]);
  // Nothing of the webhook but its host is in the log.
  expect(JSON.stringify(it.lines)).not.toContain("key-of");
});

test("a restart neither repeats a change nor loses one", async () => {
  const time = new VirtualTime();
  {
    await using it = run(time, ["a", "b"]);
    it.measures(11);
    await time.pass(minuteMs);
    await told(1);
    await answered(it.alerts, 1);
    answers = Array(20).fill(503);
    it.measures(12, "b");
    await time.pass(minuteMs);
    await answered(it.alerts, 2);
  }
  expect(new Set(received.map(({ alert: name, value }) => `${name} ${value}`))).toEqual(new Set(["a 11", "b 12"]));
  received.length = 0;
  answers = [];
  await using it = run(time, ["a", "b"]);
  expect(it.alerts.shown()).toMatchObject([
    { state: "firing", value: 11 },
    { state: "firing", value: 12 },
  ]);
  it.measures(13);
  it.measures(13, "b");
  await time.pass(2 * minuteMs);
  await answered(it.alerts, 1);
  await time.pass(minuteMs);
  expect(received.map(({ alert: name, value }) => `${name} ${value}`)).toEqual(["b 12"]);
});

test("a changed file is measured at once by its new limit; a removed one leaves no state", async () => {
  const time = new VirtualTime();
  await using it = run(time);
  await time.pass(minuteMs);
  it.measures(5);
  it.use([{ ...alert("a"), limit: { below: 6 } }]);
  await time.pass(1_000);
  await told(1);
  expect(received[0]).toMatchObject({ state: "firing", value: 5 });
  it.use([]);
  await time.pass(1_000);
  expect(it.alerts.shown()).toEqual([]);
  expect(it.alerts.counts.firing).toEqual([]);
});

/** Alerts of which each takes some minutes, if it is named here. */
function runSlow(time: VirtualTime, minutes: Readonly<Record<string, number>>) {
  const part = time.part();
  const list = Object.keys(minutes).map(alert);
  const measured: string[] = [];
  const underWay: string[] = [];
  let most = 0;
  const alerts = Alerts.open({
    folder: prepareDataFolder(place),
    log: recordedLog().log,
    time: part,
    alerts: () => list,
    measure: async (sql, stopped) => {
      underWay.push(sql);
      most = Math.max(most, underWay.length);
      expect(new Set(underWay).size).toBe(underWay.length);
      const left = new Promise((resolve) => stopped.addEventListener("abort", resolve));
      await Promise.race([part.sleep((minutes[sql] ?? 0) * minuteMs), left]);
      underWay.splice(underWay.indexOf(sql), 1);
      if (!stopped.aborted) measured.push(sql);
      return { ok: true, value: 0 };
    },
  });
  return { alerts, measured, most: () => most, [Symbol.asyncDispose]: () => alerts[Symbol.asyncDispose]() };
}

test("one alert is measured at a time; slow ones take turns, and turns that are missed are skipped, counted and told", async () => {
  const time = new VirtualTime();
  await using it = runSlow(time, { a: 5, b: 5 });
  await time.pass(26 * minuteMs);
  expect(it.most()).toBe(1);
  expect(it.measured).toEqual(["a", "b", "a", "b", "a"]);
  expect(it.alerts.counts.turns.skipped).toBeGreaterThan(10);
  expect(it.alerts.counts.turns.failed).toBe(0);
  expect(it.alerts.warnings.join()).toContain("is late");
});

test("the answer of a receiver that is not the alert's any more counts for nothing: the new one is told", async () => {
  const asked: string[] = [];
  const old = Promise.withResolvers<Response>();
  using slow = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => {
      asked.push(new URL(request.url).pathname);
      return old.promise;
    },
  });
  const time = new VirtualTime();
  await using it = run(time);
  it.use([{ ...alert("a"), webhook: `${slow.url.origin}/old` }]);
  it.measures(11);
  await time.pass(minuteMs);
  await until(() => asked.length === 1, { what: "the old receiver to be asked", limitMs: 10_000 });
  it.use([alert("a")]);
  await time.pass(1_000);
  old.resolve(new Response("taken"));
  await told(1);
  await answered(it.alerts, 1);
  await time.pass(10 * minuteMs);
  expect(received).toMatchObject([{ path: "/key-of-a", state: "firing", value: 11 }]);
  expect(it.alerts.counts.messages).toEqual({ sent: 1, failed: 0 });
  expect(asked).toEqual(["/old"]);
});

test("a damaged file of states is told, and what fires is sent again as new", async () => {
  writeFileSync(join(place, "alerts.json"), '{"states":{"a":{"state":"firing"}},"crc32":"00000000"}\n');
  const time = new VirtualTime();
  await using it = run(time);
  expect(it.alerts.warnings).toEqual([expect.stringContaining("alerts.json is damaged")]);
  it.measures(11);
  await time.pass(minuteMs);
  await told(1);
});
