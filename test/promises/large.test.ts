import { expect, setDefaultTimeout, test } from "bun:test";
import { paths, startService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

const MiB = 1024 * 1024;

test("the largest event that a configuration allows is sealed, also several at once", async () => {
  await using service = await startService({
    env: { MILLRACE_MAX_BODY_BYTES: String(16 * MiB), MILLRACE_FLUSH_INTERVAL_SECONDS: "0.5" },
  });
  const text = "x".repeat(15.9 * MiB);
  const event = { event_name: "large", properties: { text } };
  for (let sent = 0; sent < 3; sent++) expect((await service.track(event)).success).toBe(true);
  await service.waitSealed(40_000);
  expect(await service.count(`length(properties->>'text') = ${text.length}`)).toBe(3);
});

test("the largest event that another vendor's SDK may send is sealed, in a default configuration", async () => {
  await using service = await startService({ env: { MILLRACE_FLUSH_INTERVAL_SECONDS: "0.5" } });
  // The digits of such a number are kept in a string, as DuckDB would read another number.
  const digits = "9".repeat(7.9 * MiB);
  const large = [`"event":"${digits}"`, `"event":"x","userId":"${digits}"`, `"event":"x","properties":{"n":${digits}}`];
  for (const members of large)
    expect((await service.request("/v1/track", { method: "POST", body: `{${members}}` })).status).toBe(200);
  await service.waitSealed(40_000);
  expect(await service.count(`length(properties->>'$."$source".name') = ${digits.length}`)).toBe(1);
  expect(await service.count(`length(user_id) = ${digits.length}`)).toBe(1);
  expect(await service.count(`length(properties->>'n') = ${digits.length}`)).toBe(1);
});

test("a client_id that would make a small body a hundred times its size is refused, and nothing of it kept", async () => {
  await using service = await startService();
  const events = Array.from({ length: 100 }, () => ({ event_name: "copied" }));
  const refused = await service.post(paths.batch, { events, client_id: "c".repeat(1_000_000) });
  expect(refused.status).toBe(413);
  expect((await service.batch(events, "c".repeat(10_000))).events_queued).toBe(100);
  expect((await service.stats()).total_events).toBe(100);
});

test("many events of the largest default size are sealed within the memory of a default configuration", async () => {
  await using service = await startService({ env: { MILLRACE_FLUSH_INTERVAL_SECONDS: "0.5" } });
  const values = Array.from({ length: 9_000 }, (_, index) => Math.sin(index).toString(36).repeat(4));
  const event = { event_name: "large", properties: { values } };
  for (let round = 0; round < 10; round++) {
    const answers = await Promise.all(Array.from({ length: 8 }, () => service.post(paths.track, event)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  }
  await service.waitSealed(40_000);
  expect(await service.count("json_array_length(properties->'values') = 9000")).toBe(80);
});

test("a part of large events that take many times their size while they are read is sealed, too", async () => {
  await using service = await startService({ env: { MILLRACE_SHARDS: "1", MILLRACE_FLUSH_INTERVAL_SECONDS: "600" } });
  const event = { event_name: "large", properties: { digits: Array.from({ length: 400_000 }, (_, at) => at % 10) } };
  for (let sent = 0; sent < 12; sent++) expect((await service.track(event)).success).toBe(true);
  await service.stop();
  expect(await service.count("json_array_length(properties->'digits') = 400000")).toBe(12);
});
