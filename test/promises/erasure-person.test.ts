/**
 * A person's rights: their events are given to them, and erased, also those from before they were known; nobody else's.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { millrace } from "../support/command.ts";
import { killAtCall } from "../support/faults.ts";
import { endedByStep } from "../support/keeper.ts";
import { type Service, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";
import { agreedCount, briefGrace, erase, filesWith, postAsAdmin, wholeContent } from "../support/upkeep.ts";

setDefaultTimeout(testMsMax);

const place = mkdtempSync(join(tmpdir(), "millrace-person-"));
const [ada, bob, phone, laptop, shared, kiosk] = ["ada", "bob", "phone", "laptop", "shared", "kiosk"].map(
  (name) => `${name}-${randomUUID()}`,
);
const at = (minute: number) => `2026-11-27T10:${String(minute).padStart(2, "0")}:00Z`;
const event = (minute: number, whose: object) => ({ event_name: "seen", timestamp: at(minute), ...whose });

/** Sealed first: what connects devices with users. Then: what only that connection tells. */
const joining = [
  event(10, { user_id: ada, anonymous_id: phone }),
  event(11, { user_id: ada, anonymous_id: laptop }),
  event(5, { user_id: bob, anonymous_id: shared }),
  event(20, { user_id: ada, anonymous_id: shared }),
  event(21, { user_id: bob, anonymous_id: phone }),
];
const anonymous = [
  event(1, { anonymous_id: phone, properties: { price: 1.5 } }),
  event(2, { anonymous_id: laptop }),
  event(30, { anonymous_id: phone }),
  event(31, { anonymous_id: shared }),
  event(32, { anonymous_id: kiosk }),
];
/** Ada's: three with her id, three of her devices alone. */
const eventsOfAda = 6;

let service: Service;
beforeAll(async () => {
  service = await startService({ env: briefGrace });
  await service.batch(joining);
  await service.waitSealed();
  await service.batch(anonymous);
  await service.batch([event(40, {})], ada);
  const refused = [
    // Mapped, and refused for its depth: of a device of hers, and of somebody else's.
    {
      type: "track",
      event: "deep",
      anonymousId: laptop,
      properties: JSON.parse(`{"a":${"[".repeat(80)}${"]".repeat(80)}}`),
    },
    {
      type: "track",
      event: "deep",
      anonymousId: kiosk,
      properties: JSON.parse(`{"a":${"[".repeat(80)}${"]".repeat(80)}}`),
    },
    // Not mapped: her device stands somewhere in it.
    { type: "track", event: "listed", context: { device: phone }, userId: "u", properties: [1.5] },
  ];
  expect((await service.request("/v1/batch", { body: JSON.stringify({ batch: refused }) })).status).toBe(200);
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  rmSync(place, { recursive: true, force: true });
});

const run = (...words: string[]) =>
  millrace(words, { env: { MILLRACE_DATA_DIR: service.dataDir, MILLRACE_JWT_SECRET: service.secret } });
const forecast = async (body: object) => {
  const answer = await postAsAdmin(service, "erase", { ...body, dry_run: true });
  return { status: answer.status, body: await answer.json() };
};
const needles = new Map([ada, phone, laptop].map((id) => [String(id), Buffer.from(String(id))]));

test("a person gets all of their events, known or not yet known, and the refused ones in a part of its own", async () => {
  const out = join(place, "ada.ndjson");
  const [given, kept] = [
    await run("export", "--person", String(ada)),
    await run("export", "--person", String(ada), "--out", out),
  ];
  // The event with her id as a client, too: it has neither a user nor an anonymous id.
  const told = `exported ${eventsOfAda + 1} events and 2 refused events of one person`;
  expect(given).toMatchObject({ code: 0, stderr: `${told}\n` });
  expect(kept).toMatchObject({ code: 0, stdout: "", stderr: `${told} to ${out}\n` });
  expect(readFileSync(out, "utf8")).toBe(given.stdout);
  const lines = given.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines.slice(0, -2).map(({ timestamp }) => timestamp.slice(14, 16))).toEqual([
    "01",
    "02",
    "10",
    "11",
    "20",
    "30",
    "40",
  ]);
  expect(lines.slice(-2)).toMatchObject([
    { refused: { protocol: "segment", event: { event_name: "deep", anonymous_id: laptop } } },
    { refused: { protocol: "segment", event: { event: "listed" } } },
  ]);
  expect(await run("export", "--person", String(ada), "--out", out)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("is there already"),
  });
  for (const wrong of [
    ["--person", ""],
    ["--person", "x", "--format", "csv"],
    ["--person", "x", "--from", "2026-01-01"],
    [],
  ])
    expect(await run("export", ...wrong)).toMatchObject({ code: 2, stdout: "" });
});

test("a dry run tells how many each selector means, and changes nothing", async () => {
  const before = await wholeContent(service);
  for (const [body, events] of [
    [{ person: ada }, eventsOfAda + 1 + 2],
    [{ user_id: ada }, 3],
    // The one that could not be mapped, too: nobody knows whose it is.
    [{ anonymous_id: phone }, 5],
    [{ person: phone }, 1],
    [{ person: "nobody" }, 0],
  ] as const)
    expect({ asked: body, ...(await forecast(body)) }).toEqual({
      asked: body,
      status: 200,
      body: { dry_run: true, would_erase: events, not_searched: [] },
    });
  expect(await wholeContent(service)).toEqual(before);
  expect(existsSync(join(service.dataDir, "erasure.json"))).toBe(false);
});

test("exactly one selector that is not empty says whose events are to go", async () => {
  for (const body of [
    { user_id: ada, person: ada },
    { person: "" },
    { user_id: "" },
    { anonymous_id: 7 },
    { person: null },
    {},
  ])
    expect({ body, status: (await postAsAdmin(service, "erase", body)).status }).toEqual({ body, status: 422 });
  const refused = await service.request("/api/v1/analytics/erase", {
    body: JSON.stringify({ person: ada, dry_run: true }),
    token: service.token({ scope: "events:write stats:read query" }),
  });
  expect(refused.status).toBe(403);
  for (const [words, problem] of [
    [["--user-id", "a", "--person", "a"], "exactly one of"],
    [[], "exactly one of"],
    [["--person", ""], "empty string"],
  ] as const)
    expect(await run("erase", ...words)).toMatchObject({ code: 2, stderr: expect.stringContaining(problem) });
  const { code, stderr } = await run("erase", "--where", "user_id = 'nobody'", "--dry-run");
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringMatching(/^millrace: some events in "refused" could not be mapped/),
  });
});

test("what an erased person did goes to the last byte, although a crash comes when nothing connects them any more", async () => {
  const others = (await wholeContent(service)).filter(
    (each) =>
      ![ada, laptop].some((id) => each.includes(String(id))) &&
      !(each.includes(String(phone)) && !each.includes(String(bob))),
  );
  const isNamed = () => existsSync(join(service.dataDir, "erasure.json"));
  {
    // Written down, with her ids, and then with their number: by the third time her segments are without her.
    await using _step = await killAtCall(service.pid, {
      calls: "rename",
      path: join(service.dataDir, "erasure.json.tmp"),
      nth: 3,
    });
    const erasing = erase(service, { person: ada }).catch(() => undefined);
    await endedByStep(service);
    await erasing;
  }
  expect(isNamed()).toBe(true);
  expect(readFileSync(join(service.dataDir, "erasure-ids.ndjson"), "utf8")).toContain(String(laptop));
  await service.restart();
  await until(() => !isNamed(), { what: "the erasure to come to its end", limitMs: 30_000 });
  await until(async () => (await service.rows("FROM erasures")).length > 0, { what: "its receipt", limitMs: 10_000 });
  const [receipt] = await service.rows("SELECT events, request_hash FROM erasures");
  const hash = new Bun.CryptoHasher("sha256").update(JSON.stringify({ person: ada })).digest("hex");
  expect(receipt).toEqual({ events: String(eventsOfAda + 1 + 2), request_hash: hash });
  expect(await wholeContent(service)).toEqual(others);
  // Bob's event on her phone is his.
  needles.delete(String(phone));
  expect(filesWith(service.dataDir, needles)).toEqual([]);
  expect(await forecast({ person: ada })).toMatchObject({ body: { would_erase: 0 } });
  expect(await agreedCount(service)).toBe(others.length);
});

test("a damaged file of a person's ids is kept and told, and never guessed; other upkeep continues", async () => {
  await service.stop();
  const [erasure, ids] = ["erasure.json", "erasure-ids.ndjson"].map((file) => join(service.dataDir, file));
  writeFileSync(
    String(erasure),
    JSON.stringify({ id: randomUUID(), by: null, request: { person: bob }, ids: 2, found: null }),
  );
  writeFileSync(String(ids), '{"id":"kiosk","crc32":"00000000"}\n');
  await service.restart();
  const damaged = () => filesWith(service.dataDir, new Map([["kiosk", Buffer.from('"kiosk"')]])).join();
  await until(() => !existsSync(String(erasure)), { what: "their new names", limitMs: 15_000 });
  expect(damaged()).toMatch(/erasure-ids\.ndjson\.damaged-[0-9a-f]{8}/);
  expect(existsSync(String(ids))).toBe(false);
  expect((await millrace(["verify", service.dataDir])).stdout).toMatch(
    /erasure-ids\.ndjson\.damaged-\w+: held the anonymous ids/,
  );
  expect(await forecast({ user_id: bob })).toMatchObject({ body: { would_erase: 2 } });
});
