/** POST /api/v1/analytics: one event in, one answer out, one row in the catalog. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { categories, priorities } from "../support/arbitraries.ts";
import { paths, sharedService, testMsMax } from "../support/service.ts";
import { nowSeconds, signToken } from "../support/tokens.ts";

setDefaultTimeout(testMsMax);

const service = sharedService();

test("a 200 has the reference's fields in its order, then duplicate", async () => {
  const response = await service().post(paths.track, { event_name: "signup" });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toStartWith("application/json");
  const keys = Object.keys(JSON.parse(await response.text()));
  expect(keys.slice(0, 4)).toEqual(["success", "event_id", "message", "timestamp"]);
  expect(keys).toContain("duplicate");
});

test("the answer's timestamp is the server's time in UTC", async () => {
  const before = Date.now();
  const { timestamp } = await service().track({ event_name: "signup" });
  expect(timestamp).toEndWith("Z");
  expect(Date.parse(timestamp)).toBeGreaterThanOrEqual(before - 1);
  expect(Date.parse(timestamp)).toBeLessThanOrEqual(Date.now() + 1);
});

test("an event without event_id gets a UUIDv7 of now", async () => {
  const before = Date.now();
  const { event_id, duplicate } = await service().track({ event_name: "signup" });
  expect(event_id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const madeAt = Number.parseInt(event_id.replaceAll("-", "").slice(0, 12), 16);
  expect(madeAt).toBeGreaterThanOrEqual(before - 1000);
  expect(madeAt).toBeLessThanOrEqual(Date.now() + 1000);
  expect(duplicate).toBe(false);
});

test("an event_id of null is one the server makes", async () => {
  const { event_id } = await service().track({ event_name: "signup", event_id: null });
  expect(event_id).toMatch(/^.{14}7/);
});

test("a client's event_id is answered, first as new, then as duplicate", async () => {
  const event = { event_name: "signup", event_id: randomUUID() };
  expect(await service().track(event)).toMatchObject({ event_id: event.event_id, duplicate: false });
  expect(await service().track(event)).toMatchObject({ event_id: event.event_id, duplicate: true });
});

test.each([
  ["upper case", (id: string) => id.toUpperCase()],
  ["no hyphens", (id: string) => id.replaceAll("-", "")],
  ["braces", (id: string) => `{${id}}`],
  ["a URN", (id: string) => `urn:uuid:${id}`],
])("an event_id spelt with %s is the same id, as pydantic reads it", async (_spelling, spell) => {
  const event_id = randomUUID();
  expect(await service().track({ event_name: "signup", event_id: spell(event_id) })).toMatchObject({
    event_id,
    duplicate: false,
  });
  expect(await service().track({ event_name: "signup", event_id })).toMatchObject({ event_id, duplicate: true });
});

test("every field that was sent stands in its column", async () => {
  const event_id = randomUUID();
  const sent = {
    event_id,
    event_name: "order “ü” 😀",
    category: "trading",
    priority: "critical",
    properties: { symbol: "ACME" },
    timestamp: "2024-03-01T12:34:56.789012+02:00",
    session_id: "s-1",
    page_url: "https://example.org/a?b=c",
    referrer: "",
    user_agent: "curl/8\n\t\u2028",
    user_id: "käufer-7",
    anonymous_id: "",
  };
  await service().track(sent);
  await service().waitSealed();
  const rows = await service().rows(
    `SELECT * EXCLUDE (received_at, "timestamp", properties), epoch_us("timestamp") AS micros,
       properties->>'$.symbol' AS symbol FROM events WHERE event_id = '${event_id}'`,
  );
  expect(rows).toEqual([
    {
      event_id,
      event_name: sent.event_name,
      category: "trading",
      priority: "critical",
      subject: "tester",
      client_id: null,
      session_id: "s-1",
      page_url: sent.page_url,
      referrer: "",
      user_agent: sent.user_agent,
      user_id: sent.user_id,
      anonymous_id: "",
      micros: "1709289296789012",
      symbol: "ACME",
    },
  ]);
});

test("what was not sent has the reference's defaults and the server's time", async () => {
  const before = Date.now();
  const { event_id } = await service().track({ event_name: "bare" });
  const after = Date.now();
  await service().waitSealed();
  const [row] = await service().rows(
    `SELECT * EXCLUDE (received_at, "timestamp", event_id), epoch_us("timestamp") AS at, epoch_us(received_at) AS received
     FROM events WHERE event_id = '${event_id}'`,
  );
  expect(row).toMatchObject({
    event_name: "bare",
    category: "user_action",
    priority: "medium",
    client_id: null,
    session_id: null,
    page_url: null,
    referrer: null,
    user_agent: null,
    user_id: null,
    anonymous_id: null,
    properties: null,
  });
  for (const micros of [row?.["at"], row?.["received"]].map(Number)) {
    expect(micros).toBeGreaterThanOrEqual((before - 1) * 1000);
    expect(micros).toBeLessThanOrEqual((after + 1) * 1000);
  }
});

test("the subject of a row is its token's sub, whatever its characters", async () => {
  const subjects = ["billing-7", "\ufeffmark", 'quote " and \\', "naïve 😀", "\u0000"];
  // JSON may hold half of a surrogate pair, and UTF-8 may not: the replacement character stands for it.
  const sent = [...subjects.map((sub) => [sub, sub]), ["half \ud83d", "half \ufffd"]];
  for (const [index, [sub]] of sent.entries()) {
    const response = await service().request(paths.track, {
      token: signToken({ claims: { sub, exp: nowSeconds() + 3600 }, secret: service().secret }),
      body: JSON.stringify({ event_name: "by subject", session_id: `subject ${index}` }),
    });
    expect(response.status).toBe(200);
  }
  await service().waitSealed();
  const rows = await service().rows(
    "SELECT session_id, hex(subject) AS subject FROM events WHERE event_name = 'by subject'",
  );
  for (const [index, [, subject = ""]] of sent.entries())
    expect(rows).toContainEqual({
      session_id: `subject ${index}`,
      subject: Buffer.from(subject).toString("hex").toUpperCase(),
    });
});

test("optional fields may be null, and fields that the reference does not name are ignored", async () => {
  const nulls = { properties: null, timestamp: null, session_id: null, page_url: null, referrer: null };
  const { success } = await service().track({
    event_name: "nulls",
    user_agent: null,
    user_id: null,
    anonymous_id: null,
    ...nulls,
    received_at: "never",
    subject: "root",
    client_id: 5,
    x: [1],
  });
  expect(success).toBe(true);
  await service().waitSealed();
  expect(await service().count("event_name = 'nulls' AND subject = 'tester' AND client_id IS NULL")).toBe(1);
});

test("each of the eight categories and four priorities is accepted and kept", async () => {
  for (const category of categories) await service().track({ event_name: "kinds", category });
  for (const priority of priorities) await service().track({ event_name: "kinds", priority });
  await service().waitSealed();
  const rows = await service().rows(
    "SELECT category, priority FROM events WHERE event_name = 'kinds' ORDER BY category, priority",
  );
  expect(new Set(rows.map((row) => row["category"]))).toEqual(new Set(categories));
  expect(new Set(rows.map((row) => row["priority"]))).toEqual(new Set(priorities));
  expect(rows).toHaveLength(12);
});

test("a name may have 100 code points, whatever they are", async () => {
  const name = "😀".repeat(100);
  const { event_id } = await service().track({ event_name: name });
  await service().waitSealed();
  expect(await service().count(`event_id = '${event_id}' AND event_name = '${name}'`)).toBe(1);
});

test("strings keep U+0000", async () => {
  const { event_id } = await service().track({
    event_name: "nul\u0000name",
    session_id: "\u0000",
    page_url: "a\u0000",
    referrer: "\u0000b",
    user_agent: "c\u0000d",
  });
  await service().waitSealed();
  const rows = await service().rows(
    `SELECT hex(event_name) AS n, hex(session_id) AS s, hex(page_url) AS p, hex(referrer) AS r, hex(user_agent) AS u
     FROM events WHERE event_id = '${event_id}'`,
  );
  const hex = (text: string) => Buffer.from(text).toString("hex").toUpperCase();
  expect(rows).toEqual([
    { n: hex("nul\u0000name"), s: "00", p: hex("a\u0000"), r: hex("\u0000b"), u: hex("c\u0000d") },
  ]);
});
