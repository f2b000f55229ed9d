/** Alerts of a running service: measured over all that is accepted, told to a receiver, shown to an operator. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { childrenOf, nicenessOf } from "../support/process.ts";
import { type Service, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const place = mkdtempSync(join(tmpdir(), "millrace-alerts-"));
const received: Record<string, unknown>[] = [];
const receiver = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: async (request) => {
    received.push(Object(await request.json()));
    return new Response("ok");
  },
});

const webhook = `${receiver.url.origin}/services/hook-key`;
const write = (name: string, alert: object) =>
  writeFileSync(join(place, `${name}.json`), JSON.stringify({ every: "1s", webhook, ...alert }));

let service: Service;
beforeAll(async () => {
  write("many", {
    sql: "SELECT count(*), 'x' FROM events GROUP BY ALL UNION ALL SELECT 0, 'y' ORDER BY 1 DESC",
    above: 3,
  });
  write("named", { sql: "SELECT event_name FROM events", below: 1, every: "5s" });
  service = await startService({ env: { MILLRACE_ALERTS: place } });
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  receiver.stop(true);
  rmSync(place, { recursive: true, force: true });
});

const alertsNow = async () => Object(await service.stats())["alerts"];
const health = async () => Object(await (await service.request("/api/v1/analytics/health", { token: null })).json());
const told = (count: number) => until(() => received.length >= count, { what: `message ${count}`, limitMs: 20_000 });

test("a receiver is told once that an alert fires, by what is accepted, sealed or not", async () => {
  expect(await alertsNow()).toEqual([
    { alert: "many", state: "resolved", value: null, at: null },
    { alert: "named", state: "resolved", value: null, at: null },
  ]);
  await service.batch(Array(5).fill({ event_name: "it" }));
  // Behind queries, which have 15.
  await until(() => childrenOf(service.pid).some((pid) => nicenessOf(pid) === 19), {
    what: "a process of the lowest priority",
    limitMs: 20_000,
    everyMs: 5,
  });
  await told(1);
  expect(received).toEqual([{ alert: "many", state: "firing", value: 5, at: expect.stringMatching(/Z$/) }]);
  await until(async () => (await alertsNow())[0].at !== received[0]?.["at"], {
    what: "the next turn",
    limitMs: 20_000,
  });
  expect((await alertsNow())[0]).toMatchObject({ alert: "many", state: "firing", value: 5 });
});

test("what cannot be measured, a bad file and the state are in health and in the metrics; the webhook is nowhere", async () => {
  writeFileSync(join(place, "bad.json"), "{");
  await until(async () => (await health())["warnings"].length === 2, { what: "both warnings", limitMs: 20_000 });
  const { status, warnings } = await health();
  expect(status).toBe("ok");
  expect(warnings.join()).toMatch(/MILLRACE_ALERTS: .* last good alerts.*the alert named cannot be measured/);
  rmSync(join(place, "bad.json"));
  const page = await (await service.request("/metrics", { token: null })).text();
  expect(page).toMatch(/^millrace_alerts_firing\{alert="many"\} 1$/m);
  expect(page).toMatch(/^millrace_alerts_firing\{alert="named"\} 0$/m);
  expect(page).toMatch(/^millrace_alerts_turns_total\{outcome="failed"\} [1-9]/m);
  expect(page).toMatch(/^millrace_alerts_messages_total\{outcome="sent"\} 1$/m);
  expect(page + JSON.stringify(warnings) + service.stderr).not.toContain("hook-key");
});

test("a restart repeats nothing; a changed limit counts within seconds", async () => {
  await service.restart();
  await until(async () => (await alertsNow())[0].at > String(received[0]?.["at"]), { what: "a turn", limitMs: 20_000 });
  expect(received).toHaveLength(1);
  write("many", { sql: "SELECT count(*) FROM events", above: 100 });
  await told(2);
  expect(received[1]).toMatchObject({ alert: "many", state: "resolved", value: 5 });
});
