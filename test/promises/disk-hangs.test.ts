/**
 * C15: a disk that hangs. Nobody waits longer than 5 s, health answers at once and says so, and nothing is lost or
 * doubled.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { faultyFromNow } from "../support/faults.ts";
import { paths, type Service, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

/** What the contract gives a request, and what a busy machine may add. ms */
const answeredMsMax = 5_000 + 3_000;

/**
 * Health answers within a second on an idle machine; one that waited for the disk would take far longer than this. ms
 */
const healthMsMax = 4_000;

/** Longer than any of these tests looks at it, also on a busy machine; it ends with its tracer. Seconds. */
const hang = { delaySeconds: 600 };

/**
 * Health and liveness, asked without pause until the scope ends: how long the slowest took, and what was answered last.
 */
function watchHealth(service: Service) {
  const seen = { slowestMs: 0, status: 200, problems: [] as string[], livez: new Set<number>() };
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      const startMs = performance.now();
      const answer = await service.health();
      const { problems } = (await answer.json()) as { problems: string[] };
      seen.livez.add((await service.request("/livez", { token: null })).status);
      seen.slowestMs = Math.max(seen.slowestMs, performance.now() - startMs);
      seen.status = answer.status;
      seen.problems = problems;
      await Bun.sleep(20);
    }
  })();
  return {
    seen,
    [Symbol.asyncDispose]: async () => {
      isOver = true;
      await watching;
    },
  };
}

async function timed(service: Service, event: object) {
  const startMs = performance.now();
  const answer = await service.post(paths.track, event);
  const text = await answer.text();
  return {
    status: answer.status,
    text,
    retryAfter: answer.headers.get("retry-after"),
    ms: performance.now() - startMs,
  };
}

test.each(["1", "2"])(
  "with %s shards, syncs that hang: 503 within 5 s, then at once, and a retry is stored once",
  async (shards) => {
    await using service = await startService({
      env: { MILLRACE_SHARDS: shards, MILLRACE_FLUSH_INTERVAL_SECONDS: "3600" },
    });
    const event = { event_name: "hangs", event_id: randomUUID() };
    {
      await using hung = await faultyFromNow(service.pid, {
        calls: "dataSync",
        fault: hang,
        from: 1,
        logPath: "/dev/null",
      });
      if (hung === undefined) return;
      await using health = watchHealth(service);
      const first = await timed(service, event);
      expect(first.status).toBe(503);
      expect(first.text).toContain("may have been stored; send it again with the same event_id");
      expect(first.retryAfter).toMatch(/^\d+$/);
      expect(first.ms).toBeLessThan(answeredMsMax);
      // Other events hang the other shards, too, until each is known to hang.
      const atOnce = async () => {
        const answer = await timed(service, { event_name: "next" });
        expect(answer.status).toBe(503);
        expect(answer.ms).toBeLessThan(answeredMsMax);
        return answer.ms < 1_000;
      };
      await until(atOnce, { what: "a refusal at once", limitMs: 20_000 });
      await until(() => health.seen.problems.length > 0, { what: "health to tell", limitMs: 10_000 });
      expect(health.seen.status).toBe(503);
      expect(health.seen.problems.join("\n")).toContain("no durable commit for 5 s");
      // A retry while the disk hangs is refused as well, and does not wait either.
      const retry = await timed(service, event);
      expect(retry.status).toBe(503);
      expect(retry.ms).toBeLessThan(answeredMsMax);
      expect(health.seen.slowestMs).toBeLessThan(healthMsMax);
      expect([...health.seen.livez]).toEqual([200]);
    }
    await until(async () => (await service.health()).status === 200, { what: "health to be ok", limitMs: 60_000 });
    const again = async () => {
      const answer = await timed(service, event);
      return answer.status === 200 && answer.text;
    };
    expect(JSON.parse(await until(again, { what: "the retry", limitMs: 20_000 }))).toMatchObject({ duplicate: true });
    expect(await service.stop()).toBe(0);
    expect(await service.count(`event_id = '${event.event_id}'`)).toBe(1);
  },
);

test("a disk that hangs for whoever opens a file: health answers within a second and says so", async () => {
  await using service = await startService();
  await using hung = await faultyFromNow(service.pid, {
    calls: "open",
    fault: hang,
    path: join(service.dataDir, "disk.tmp"),
    from: 1,
    logPath: "/dev/null",
  });
  if (hung === undefined) return;
  await using health = watchHealth(service);
  await until(() => health.seen.problems.length > 0, { what: "health to tell", limitMs: 20_000 });
  expect(health.seen.problems.join("\n")).toContain("has not answered for");
  expect((await timed(service, { event_name: "still taken" })).status).toBe(200);
  expect(health.seen.slowestMs).toBeLessThan(healthMsMax);
});

test("syncs of a second each slow requests down, and refuse none", async () => {
  await using service = await startService({ env: { MILLRACE_FLUSH_INTERVAL_SECONDS: "3600" } });
  await using slow = await faultyFromNow(service.pid, {
    calls: "dataSync",
    fault: { delaySeconds: 1 },
    from: 1,
    logPath: "/dev/null",
  });
  if (slow === undefined) return;
  const answers = await Promise.all(
    Array.from({ length: 20 }, async (_, turn) => {
      await Bun.sleep(turn * 100);
      return (await timed(service, { event_name: "slow" })).status;
    }),
  );
  expect(new Set(answers)).toEqual(new Set([200]));
});

test("while syncs of 7 s come one after another, health does not turn ok in between", async () => {
  await using service = await startService({ env: { MILLRACE_FLUSH_INTERVAL_SECONDS: "3600", MILLRACE_SHARDS: "2" } });
  await using hung = await faultyFromNow(service.pid, {
    calls: "dataSync",
    fault: { delaySeconds: 7 },
    from: 1,
    logPath: "/dev/null",
  });
  if (hung === undefined) return;
  await timed(service, { event_name: "hangs" });
  await until(async () => (await service.health()).status === 503, { what: "health to tell", limitMs: 10_000 });
  const endMs = performance.now() + 15_000;
  const statuses = new Set<number>();
  while (performance.now() < endMs) {
    statuses.add((await service.health()).status);
    await Bun.sleep(50);
  }
  expect([...statuses]).toEqual([503]);
});
