/** The client beside the real service: what an application calls is what an analyst finds. */
import { expect, expectTypeOf, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Category,
  type ClientOptions,
  createClient,
  type EventOptions,
  type Priority,
} from "../../src/client/client.ts";
import type { categories, priorities } from "../../src/event/categories.ts";
import { fields } from "../../src/event/fields.ts";
import { expectRefused } from "../support/refusals.ts";
import { sharedService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

const service = sharedService();

const clientOf = (options: Partial<ClientOptions> = {}) =>
  createClient({ url: service().url, token: service().token({}), client_id: "app", ...options });

test("its categories, priorities and fields are the service's", () => {
  expectTypeOf<Category>().toEqualTypeOf<(typeof categories)[number]>();
  expectTypeOf<Priority>().toEqualTypeOf<(typeof priorities)[number]>();
  // `track` has a parameter for each of the other two.
  const options = Object.entries(fields).filter(
    ([name, { givenBy }]) => givenBy === "event" && name !== "event_name" && name !== "properties",
  );
  const all: Record<keyof EventOptions, true> = {
    event_id: true,
    category: true,
    priority: true,
    timestamp: true,
    session_id: true,
    page_url: true,
    referrer: true,
    user_agent: true,
    user_id: true,
    anonymous_id: true,
  };
  expect(Object.keys(all).sort()).toEqual(options.map(([name]) => name).sort());
});

test("an event is stored with the fields that the API has, and with an id and a time of its own", async () => {
  const client = clientOf();
  client.track(
    "order",
    { total: 19.9, größe: "日本語 🦀" },
    {
      category: "trading",
      priority: "high",
      timestamp: new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678)),
      session_id: "s",
      page_url: "https://shop.example/",
      referrer: "https://search.example/",
      user_agent: "agent",
      user_id: "u",
      event_id: "01a20919-3612-70a9-873d-3af1a245a664",
    },
  );
  client.track("plain");
  expect(await client.flush()).toEqual({ sent: 2, dropped: 0 });
  await service().waitSealed();
  const [order] = await service().rows("SELECT *, epoch_ms(timestamp) AS ms FROM events WHERE event_name = 'order'");
  expect(order).toMatchObject({
    event_id: "01a20919-3612-70a9-873d-3af1a245a664",
    category: "trading",
    priority: "high",
    subject: "tester",
    client_id: "app",
    user_id: "u",
    anonymous_id: null,
    session_id: "s",
    page_url: "https://shop.example/",
    referrer: "https://search.example/",
    user_agent: "agent",
    ms: String(Date.UTC(2026, 0, 2, 3, 4, 5, 678)),
  });
  expect(JSON.parse(String(order?.["properties"]))).toEqual({ total: 19.9, größe: "日本語 🦀" });
  expect(
    await service().count(
      `event_name = 'plain' AND properties IS NULL AND anonymous_id IS NOT NULL AND user_id IS NULL
       AND substr(event_id::VARCHAR, 15, 1) = '7' AND abs(epoch(received_at - timestamp)) < 60`,
    ),
  ).toBe(1);
});

test("identify sends one event with both ids; another user gets another anonymous id; a page view is a page view", async () => {
  const client = clientOf();
  client.track("before");
  client.identify("ida");
  client.identify("ben");
  client.page({ tab: 1 }, { page_url: "https://shop.example/cart" });
  expect(await client.close()).toEqual({ sent: 4, dropped: 0 });
  await service().waitSealed();
  const rows = await service().rows(
    "SELECT user_id, anonymous_id FROM events WHERE event_name IN ('before', 'identify') ORDER BY user_id NULLS FIRST",
  );
  expect(rows.map((row) => row["user_id"])).toEqual([null, "ben", "ida"]);
  const [before, ben, ida] = rows.map((row) => row["anonymous_id"]);
  expect(before).toBe(ida ?? null);
  expect(ben).not.toBe(ida);
  expect(await service().count("category = 'page_view' AND page_url = 'https://shop.example/cart'")).toBe(1);
});

test("events of a full loop arrive, each once, in batches that the service takes", async () => {
  await using client = clientOf({ client_id: "loop" });
  for (let nth = 0; nth < 3_000; nth += 1) client.track("loop", { nth });
  expect(await client.flush()).toEqual({ sent: 3_000, dropped: 0 });
  await service().waitSealed();
  expect(await service().count("event_name = 'loop' AND client_id = 'loop'")).toBe(3_000);
});

test("an event that the service finds invalid is reported; the others of its batch are stored", async () => {
  const dropped: unknown[] = [];
  const client = clientOf({ onDrop: (...told) => dropped.push(told) });
  client.track("valid");
  client.track("x".repeat(101));
  client.track("valid", { half: "\ud83d", escaped: "\\ud83d" });
  client.track("valid", undefined, { event_id: "not a UUID" });
  client.track("valid");
  expect(await client.flush()).toEqual({ sent: 3, dropped: 2 });
  expect(dropped).toEqual([[2, "invalid", expect.stringContaining("string_too_long")]]);
  await service().waitSealed();
  expect(await service().count("event_name = 'valid'")).toBe(3);
  const [row] = await service().rows("SELECT properties FROM events WHERE properties->>'half' IS NOT NULL");
  expect(JSON.parse(String(row?.["properties"]))).toEqual({ half: "\ufffd", escaped: "\\ud83d" });
});

test("an expired token is asked for again, and no event is dropped for it", async () => {
  const tokens = [service().token({ ttlSeconds: -10 }), service().token({ ttlSeconds: -10 }), service().token({})];
  let asked = 0;
  const client = clientOf({ token: async () => tokens[Math.min(asked++, 2)] ?? "" });
  client.track("expiring");
  expect(await client.flush()).toEqual({ sent: 1, dropped: 0 });
  expect(asked).toBe(3);
});

test("GET /millrace.js is the client: any page may load it, and a browser that has it gets 304", async () => {
  const get = (headers: Record<string, string> = {}) => service().request("/millrace.js", { token: null, headers });
  const answers = await Promise.all([get(), get(), get()]);
  const [first] = answers;
  const text = (await first?.text()) ?? "";
  expect(first?.status).toBe(200);
  expect(first?.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
  expect(first?.headers.get("access-control-allow-origin")).toBe("*");
  expect(Bun.gzipSync(text).byteLength).toBeLessThanOrEqual(3 * 1024);
  const tag = first?.headers.get("etag") ?? "";
  expect((await get({ "if-none-match": tag })).status).toBe(304);
  await expectRefused(await service().request("/millrace.js", { token: null, method: "POST", body: "{}" }), 405);

  const folder = mkdtempSync(join(tmpdir(), "millrace-js-"));
  try {
    const path = join(folder, "millrace.mjs");
    await Bun.write(path, text);
    const module: typeof import("../../src/client/client.ts") = await import(path);
    const client = module.createClient({ url: service().url, token: service().token({}) });
    client.track("served");
    expect(await client.close()).toEqual({ sent: 1, dropped: 0 });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
