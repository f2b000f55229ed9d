import { expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { readConfig } from "../../src/config/config.ts";
import { signToken } from "../../src/http/token/hs256.ts";
import { startService } from "../../src/service/start.ts";
import { shaped, statsAnswer } from "../support/answers.ts";
import { queryFile } from "../support/catalog.ts";
import { temporaryFolder } from "../support/rows.ts";
import { until } from "../support/until.ts";

const statsOf = (body: unknown) => shaped(statsAnswer, body);

const root = "/api/v1/analytics";

/** Services of this process, so that a thread of theirs can be ended. */
async function serviceInProcess(folder: string, env: Record<string, string> = {}) {
  const service = await startService(
    readConfig({
      PORT: "0",
      MILLRACE_DATA_DIR: folder,
      MILLRACE_SHARDS: "2",
      MILLRACE_FLUSH_INTERVAL_SECONDS: "0.3",
      MILLRACE_LOG: "silent",
      ...env,
    }),
  );
  const claims = { subject: "tester", scope: undefined, ttlSeconds: 600, issuer: undefined, audience: undefined };
  const token = await signToken(service.secret.secret, { ...claims, nowMs: Date.now() });
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  return {
    service,
    post: (path: string, body: object) =>
      fetch(service.address + root + path, { method: "POST", headers, body: JSON.stringify(body) }),
    stats: async () => (await fetch(`${service.address}${root}/stats`, { headers })).json(),
    health: () => fetch(`${service.address}${root}/health`),
    [Symbol.asyncDispose]: async () => {
      await service.stop();
    },
  };
}

test("a worker that dies under load costs only requests in flight, and nothing acknowledged", async () => {
  using folder = temporaryFolder();
  const acknowledged = new Set<string>();
  const statuses = new Map<number, number>();
  {
    await using running = await serviceInProcess(folder.path);
    let isLoading = true;
    const write = async () => {
      let open: string[] = [];
      while (isLoading) {
        const ids = [...open, ...Array.from({ length: 20 }, () => randomUUID())].slice(0, 100);
        const events = ids.map((event_id) => ({ event_name: "load", event_id }));
        const { status } = await running.post("/batch", { events });
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status === 200) for (const id of ids) acknowledged.add(id);
        open = status === 200 ? [] : ids;
      }
    };
    const writers = Array.from({ length: 8 }, write);
    const accepted = () => statuses.get(200) ?? 0;
    const moreAccepted = (more: number) => {
      const enough = accepted() + more;
      return until(() => accepted() >= enough, { what: "more to be accepted", limitMs: 30_000 });
    };
    for (let round = 0; round < 6; round++) {
      await moreAccepted(8);
      await running.service.shards[round % 2]?.terminate();
    }
    await moreAccepted(8);
    isLoading = false;
    await Promise.all(writers);
    expect([...statuses.keys()].filter((status) => status !== 200 && status !== 503)).toEqual([]);
    await until(async () => (await running.health()).status === 200, { what: "all shards accept", limitMs: 10_000 });
    const metrics = await (await fetch(`${running.service.address}/metrics`)).text();
    expect(metrics).toMatch(/^millrace_worker_restarts_total 6$/m);
    const stats = statsOf(await running.stats());
    expect(stats.total_events).toBeGreaterThanOrEqual(acknowledged.size);
  }
  const catalog = join(folder.path, "millrace.duckdb");
  const ids = await queryFile(catalog, "SELECT event_id::VARCHAR AS id FROM events");
  const stored = ids.map((row) => String(row["id"]));
  const distinct = new Set(stored);
  expect(distinct.size).toBe(stored.length);
  expect([...acknowledged].filter((id) => !distinct.has(id))).toEqual([]);
}, 60_000);

test("while one shard recovers, the others go on, and health tells", async () => {
  using folder = temporaryFolder();
  await using running = await serviceInProcess(folder.path);
  const ended = running.service.shards[0]?.terminate();
  const answers = await Promise.all(Array.from({ length: 20 }, () => running.post("", { event_name: "meanwhile" })));
  await ended;
  const accepted = answers.filter(({ status }) => status === 200).length;
  await until(async () => (await running.health()).status === 200, { what: "the shard is back", limitMs: 10_000 });
  expect((await running.post("", { event_name: "after" })).status).toBe(200);
  expect(statsOf(await running.stats()).total_events).toBe(accepted + 1);
});

test("events, categories and hours are counted the same before and after a worker's death", async () => {
  using folder = temporaryFolder();
  await using running = await serviceInProcess(folder.path, { MILLRACE_FLUSH_INTERVAL_SECONDS: "3600" });
  for (let sent = 0; sent < 30; sent++) await running.post("", { event_name: "counted", category: "auth" });
  const before = statsOf(await running.stats());
  await running.service.shards[0]?.terminate();
  await until(async () => (await running.health()).status === 200, { what: "the shard is back", limitMs: 10_000 });
  // What its last life left is sealed at once, so only where the events are may have changed.
  const { buffer_status, ...counts } = statsOf(await running.stats());
  expect({ ...counts, buffer_status: before.buffer_status }).toEqual(before);
  expect(buffer_status.events_pending + buffer_status.events_flushed_total).toBe(30);
});
