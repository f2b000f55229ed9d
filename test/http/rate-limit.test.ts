/** `MILLRACE_RATE_LIMIT`: how many events a second a sender may bring, and how it is told. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Overloaded } from "../../src/base/errors.ts";
import { Refusal } from "../../src/http/answers.ts";
import { RateLimit } from "../../src/http/edge/rate-limit.ts";
import { expectRefused } from "../support/refusals.ts";
import { paths, type Service, sharedService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

/** Slow enough that nothing comes back while a test runs. */
const slow = sharedService({ env: { MILLRACE_RATE_LIMIT: "1" } });
const wide = sharedService({ env: { MILLRACE_RATE_LIMIT: "100000" } });
const open = sharedService();

const batchOf = (events: number) =>
  JSON.stringify({ events: Array.from({ length: events }, () => ({ event_name: "limited" })) });

const send = (of: Service, subject: string, body = '{"event_name":"limited"}', path: string = paths.track) =>
  of.request(path, { token: of.token({ subject, scope: "events:write" }), body });

test("every answer of ingest says what is left, in the structured fields of the draft", async () => {
  for (const [body, path, status] of [
    ['{"event_name":"limited"}', paths.track, 200],
    [batchOf(40), paths.batch, 200],
    ["{", paths.track, 422],
    [batchOf(1), paths.track, 422],
    ["x".repeat(2 * 1024 * 1024), paths.track, 413],
  ] as const) {
    const answer = await send(wide(), `all ${status} ${body.length}`, body, path);
    expect(answer.status).toBe(status);
    expect(answer.headers.get("ratelimit-policy")).toBe('"events";q=100000;w=1');
    const left = /^"events";r=(\d+);t=1$/.exec(answer.headers.get("ratelimit") ?? "")?.[1];
    expect(Number(left)).toBeGreaterThan(99_000);
  }
});

test("a batch may take the bucket below zero; then 429 with Retry-After, for that subject alone", async () => {
  const batch = await send(slow(), "greedy", batchOf(100), paths.batch);
  expect([batch.status, batch.headers.get("ratelimit")]).toEqual([
    200,
    expect.stringMatching(/^"events";r=0;t=(99|100)$/),
  ]);
  for (const path of [paths.track, paths.batch]) {
    const refused = await send(slow(), "greedy", batchOf(1), path);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(60);
    expect(refused.headers.get("ratelimit")).toBe(`"events";r=0;t=${refused.headers.get("retry-after")}`);
    expect(refused.headers.get("ratelimit-policy")).toBe('"events";q=1;w=1');
    await expectRefused(refused, 429);
  }
  expect((await send(slow(), "modest")).status).toBe(200);
  const refusals = /millrace_requests_refused_total\{reason="rate_limited"\} (\d+)/;
  expect(Number(refusals.exec(await slow().metricsText())?.[1])).toBeGreaterThanOrEqual(2);
});

test("duplicates and refused bodies count, too", async () => {
  const event = { event_name: "again", event_id: crypto.randomUUID() };
  const body = JSON.stringify({ events: Array.from({ length: 100 }, () => event) });
  expect((await send(slow(), "repeats", body, paths.batch)).status).toBe(200);
  await expectRefused(await send(slow(), "repeats"), 429);
  const broken = await Promise.all(Array.from({ length: 50 }, () => send(slow(), "broken", "{")));
  expect([...new Set(broken.map(({ status }) => status))].sort()).toEqual([422, 429]);
});

test("what is past the limit is refused before its body is read, and is not stored", async () => {
  const before = await slow().stats();
  await send(slow(), "stored", batchOf(100), paths.batch);
  await expectRefused(await send(slow(), "stored", "x".repeat(2 * 1024 * 1024)), 429);
  expect((await slow().stats()).total_events).toBe(before.total_events + 100);
});

test("reading has no limit, and without the variable nothing has", async () => {
  for (let turn = 0; turn < 5; turn++) {
    const stats = await slow().request(paths.stats, { token: slow().token({ subject: "reader" }) });
    expect([stats.status, stats.headers.get("ratelimit")]).toEqual([200, null]);
    const event = await send(open(), "anybody");
    expect([event.status, event.headers.get("ratelimit"), event.headers.get("ratelimit-policy")]).toEqual([
      200,
      null,
      null,
    ]);
  }
});

describe("admission", () => {
  const limitOf = (eventsPerSecond: number) => {
    const clock = { now: 0, monotonicMs: () => clock.now };
    return { clock, limit: new RateLimit({ eventsPerSecond, clock }) };
  };
  const token = (subject: string | null) => ({ kind: "token", subject }) as const;
  const isAdmitted = (limit: RateLimit, sender: Parameters<RateLimit["admit"]>[0]) => {
    try {
      limit.admit(sender);
      return true;
    } catch (error) {
      expect(error).toBeInstanceOf(Refusal);
      return false;
    }
  };

  test("tokens without a subject share a bucket, which no subject has, nor a write key of its name", () => {
    const { limit } = limitOf(1);
    expect(isAdmitted(limit, token(null))).toBe(true);
    expect(isAdmitted(limit, token(null))).toBe(false);
    for (const subject of ["", "null", "=", " "]) expect(isAdmitted(limit, token(subject))).toBe(true);
    expect(isAdmitted(limit, { kind: "write key", subject: "" })).toBe(true);
  });

  test("a key's rate takes the place of the variable, also when that is 0, and 0 is no limit", () => {
    const { limit } = limitOf(0);
    const key = { kind: "write key", subject: "web", rate: 2 } as const;
    expect([1, 2, 3].map(() => isAdmitted(limit, key))).toEqual([true, true, false]);
    for (let turn = 0; turn < 9; turn++) expect(limit.admit(token("any"))).toBeUndefined();
    const { limit: tight } = limitOf(1);
    for (let turn = 0; turn < 9; turn++) expect(tight.admit({ ...key, rate: 0 })).toBeUndefined();
  });

  test("one second's worth passes at once, and a second later again", () => {
    const { limit, clock } = limitOf(5);
    const passed = () => Array.from({ length: 9 }, () => isAdmitted(limit, token("a"))).filter(Boolean).length;
    expect(passed()).toBe(5);
    clock.now = 200;
    expect(passed()).toBe(1);
    clock.now = 9_000;
    expect(passed()).toBe(5);
  });

  test("a client that waits as Retry-After says gets in, and one that does not wait does not", () => {
    const { limit, clock } = limitOf(5);
    limit.admit(token("a"))?.charge(40);
    let waitMs = 0;
    try {
      limit.admit(token("a"));
    } catch (error) {
      waitMs = error instanceof Refusal ? 1000 * Number(error.headers["retry-after"]) : 0;
    }
    expect(waitMs).toBe(8_000);
    clock.now = 7_000;
    expect(isAdmitted(limit, token("a"))).toBe(false);
    clock.now = waitMs;
    expect(isAdmitted(limit, token("a"))).toBe(true);
  });

  test("a rate below one event a second is one event in as many seconds as it takes", () => {
    const { limit, clock } = limitOf(0);
    const key = { kind: "write key", subject: "slow", rate: 0.5 } as const;
    expect(limit.admit(key)?.headers).toEqual({
      "ratelimit-policy": '"events";q=1;w=2',
      ratelimit: '"events";r=0;t=2',
    });
    clock.now = 1_000;
    expect(isAdmitted(limit, key)).toBe(false);
    clock.now = 2_000;
    expect(isAdmitted(limit, key)).toBe(true);
  });

  test("subjects of thousands of characters are told apart", () => {
    const { limit } = limitOf(1);
    const [one, other] = [token(`${"x".repeat(5_000)}1`), token(`${"x".repeat(5_000)}2`)];
    expect([one, one, other, other].map((each) => isAdmitted(limit, each))).toEqual([true, false, true, false]);
  });

  test("an error that is expected carries the fields, and another one stays as it is", async () => {
    const { limit } = limitOf(5);
    const refused = async (error: Error) =>
      await limit
        .admit(token("a"))
        ?.answering(Promise.reject(error))
        .catch((thrown: unknown) => thrown);
    expect(await refused(new Overloaded("disk_low"))).toMatchObject({
      status: 503,
      headers: { "retry-after": "1", ratelimit: '"events";r=4;t=1' },
    });
    const fault = new Error("fault");
    expect(await refused(fault)).toBe(fault);
  });
});
