/** An erasure takes exactly what was asked, to the last byte, and leaves a receipt. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash, randomUUID } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { millrace } from "../support/command.ts";
import { layEvents } from "../support/journals.ts";
import { expectRefused } from "../support/refusals.ts";
import { paths, type Service, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";
import {
  agreedCount,
  briefGrace,
  compact,
  erase,
  expectSoundFolder,
  filesWith,
  formsOfId,
  postAsAdmin,
  segmentsOf,
  wholeContent,
} from "../support/upkeep.ts";

setDefaultTimeout(testMsMax);

/** Tests that start dozens of processes, one after another, each with the lowest share of a busy machine. ms */
const busyTestMsMax = 5 * testMsMax;

const hashOf = (request: object) => createHash("sha256").update(JSON.stringify(request)).digest("hex");

/** A person as they stand in events: everything in here is theirs alone. */
function person() {
  const secret = () => `${randomUUID()}-${randomUUID()}`;
  const session = secret();
  const texts = [secret(), secret(), secret()];
  const ids = Array.from({ length: 5 }, () => randomUUID());
  const events = ids.map((event_id, index) => ({
    event_name: "personal",
    event_id,
    session_id: session,
    page_url: `https://example.org/${texts[0]}`,
    properties: { text: texts[index % 2 === 0 ? 1 : 2] },
  }));
  const needles = new Map<string, Uint8Array>([
    ...[session, ...texts].map((text): [string, Uint8Array] => [text, Buffer.from(text)]),
    ...ids.flatMap(formsOfId),
  ]);
  return { session, events, ids, needles };
}

/** Events of other people. */
const others = (count: number, session = "other") =>
  Array.from({ length: count }, (_, index) => ({
    event_name: `other ${index % 3}`,
    event_id: randomUUID(),
    session_id: `${session} ${index % 10}`,
    properties: { index },
  }));

/** Sends both, mixed, in several flushes and one that is still in the journal. */
async function sendMixed(service: Service, personal: readonly object[], client?: string): Promise<void> {
  for (const event of personal) {
    await service.batch([...others(8), event, ...others(8)], client ?? null);
    await Bun.sleep(150);
  }
}

test("of an erased session no byte is left, nor of anything in its events, and all others are as they were", async () => {
  await using service = await startService({ env: briefGrace });
  const { session, events, ids, needles } = person();
  await service.batch(others(3_000).slice(0, 100));
  await sendMixed(service, events);
  await service.waitSealed();
  await sendMixed(service, []);
  const before = await wholeContent(service);
  const found = new Set(filesWith(service.dataDir, needles).map((line) => line.split(": ").at(-1)));
  // Each of these really stands there before: the texts, and each id in the id log and in a segment.
  for (const text of [session, `${ids[0]} as words`]) expect(found).toContain(text);
  const request = { session_id: session };
  const receipt = await erase(service, request);
  expect(receipt).toMatchObject({ erased: 5, by: "officer", request_hash: hashOf(request), not_searched: [] });
  expect(filesWith(service.dataDir, needles)).toEqual([]);
  expect(await wholeContent(service)).toEqual(before.filter((event) => !event.includes(session)));
  expect(await agreedCount(service)).toBe(before.length - 5);
  expect(await service.rows("FROM events_hourly WHERE event_name = 'personal'")).toEqual([]);
  const [row] = await service.rows("FROM erasures");
  expect(row).toMatchObject({ events: "5", by_subject: "officer", request_hash: hashOf(request) });
  expect(Number(row?.["catalog_version"])).toBe(receipt.catalog_version);
  // Erased again: nothing more.
  expect((await erase(service, request)).erased).toBe(0);
  await expectSoundFolder(service);
  expect(filesWith(service.dataDir, needles)).toEqual([]);
});

test("by client, by subject and by an SQL condition, from merged segments and from the journal, without a server too", async () => {
  await using service = await startService({ env: { ...briefGrace, MILLRACE_FLUSH_INTERVAL_SECONDS: "0.3" } });
  const [byClient, bySubject, byWhere] = [person(), person(), person()];
  const client = randomUUID();
  await service.batch(byClient.events, client);
  await service.batch(byWhere.events);
  await service.batch(others(50));
  const token = service.token({ subject: `subject '${client}` });
  const body = JSON.stringify({ events: bySubject.events });
  expect((await service.request(paths.batch, { body, token })).status).toBe(200);
  await compact(service);
  // One more of the client, in the journal when it is asked.
  await service.batch([{ event_name: "unsealed" }], client);
  expect((await erase(service, { client_id: client })).erased).toBe(6);
  expect(filesWith(service.dataDir, new Map([...byClient.needles, [client, Buffer.from(`"${client}"`)]]))).toEqual([]);
  const env = { MILLRACE_DATA_DIR: service.dataDir, MILLRACE_JWT_SECRET: service.secret, USER: "somebody" };
  const running = await millrace(["erase", "--subject", `subject '${client}`], { env });
  expect(running).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(running.stdout)).toMatchObject({ erased: 5, by: null });
  expect(filesWith(service.dataDir, bySubject.needles)).toEqual([]);
  expect(await agreedCount(service)).toBe(55);
  await service.stop();
  const where = `session_id = '${byWhere.session}' -- their own comment`;
  const alone = await millrace(["erase", "--where", where], { env: { ...env, MILLRACE_GRACE_SECONDS: "0" } });
  expect(alone).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(alone.stdout)).toMatchObject({ erased: 5, request_hash: hashOf({ where }) });
  expect(filesWith(service.dataDir, byWhere.needles)).toEqual([]);
  await service.restart();
  expect(await agreedCount(service)).toBe(50);
  expect(await service.rows("SELECT events FROM erasures ORDER BY erased_at")).toEqual([
    { events: "6" },
    { events: "5" },
    { events: "5" },
  ]);
  await expectSoundFolder(service);
});

test("replaced segments, lines kept aside and torn blocks of id logs hold nothing of it either", async () => {
  await using service = await startService({ env: { MILLRACE_GRACE_SECONDS: "1" } });
  const { session, events, ids, needles } = person();
  await service.stop();
  const receivedMs = Date.now();
  const [aside, ...sound] = events.map((event) => ({
    receivedMs,
    event: { event_id: event.event_id, session_id: session, properties: event.properties },
  }));
  const foreign = { receivedMs, event: { event_id: randomUUID(), session_id: "other" } };
  // DuckDB takes no half of a pair: the first line and one of somebody else's are refused lines.
  const spoilt = aside === undefined ? [] : [{ ...aside, event: { ...aside.event, event_name: "spoilt" } }];
  layEvents(
    service.dataDir,
    { from: 1 },
    [
      ...spoilt,
      ...sound,
      foreign,
      { ...foreign, event: { ...foreign.event, event_id: randomUUID(), event_name: "spoilt" } },
    ],
    (line) => line.replace('"spoilt"', '"spoilt\\ud800"'),
  );
  await service.restart();
  await service.waitSealed();
  const refused = () => readdirSync(join(service.dataDir, "journal", "refused"), { encoding: "utf8" });
  expect(refused()).toHaveLength(1);
  await compact(service);
  // As a crash leaves it: a block that was being written.
  const [log] = readdirSync(join(service.dataDir, "ids"));
  const words = formsOfId(ids[0] ?? "")[1]?.[1] ?? new Uint8Array();
  await service.kill9();
  appendFileSync(join(service.dataDir, "ids", log ?? ""), Buffer.concat([Buffer.from("MIDS"), words]));
  await service.restart();
  expect(filesWith(service.dataDir, needles).length).toBeGreaterThan(5);
  const receipt = await erase(service, { session_id: session });
  expect(receipt).toMatchObject({ erased: 5, not_searched: [] });
  expect(filesWith(service.dataDir, needles)).toEqual([]);
  expect(segmentsOf(service.dataDir).replaced).toEqual([]);
  // The other's line is still there, and an SQL condition cannot be evaluated on it.
  expect(readFileSync(join(service.dataDir, "journal", "refused", refused()[0] ?? ""), "utf8")).toContain("other");
  const byWhere = await erase(service, { where: "session_id = 'nobody'" });
  expect(byWhere).toMatchObject({ erased: 0, not_searched: [`journal/refused/${refused()[0]}`] });
  expect((await erase(service, { session_id: "other" })).erased).toBe(2);
  expect(refused()).toEqual([]);
  expect(await service.count()).toBe(0);
});

test("while events of the same session and of others come in, exactly those from before are sure to go", async () => {
  await using service = await startService({ env: { MILLRACE_GRACE_SECONDS: "2" } });
  await service.batch(Array(100).fill({ event_name: "before", session_id: "it" }));
  let isOver = false;
  let sent = 0;
  const sending = (async () => {
    while (!isOver) {
      await service.batch([{ event_name: "it", session_id: "it" }, ...Array(19).fill({ event_name: "not it" })]);
      sent += 1;
      // The rewriting process has the lowest share of the processor: without a rest it gets hardly any.
      await Bun.sleep(5);
    }
  })();
  await Bun.sleep(500);
  const { erased } = await erase(service, { session_id: "it" });
  isOver = true;
  await sending;
  await service.waitSealed();
  expect(await service.count("event_name = 'before'")).toBe(0);
  expect(await service.count("event_name = 'not it'")).toBe(sent * 19);
  const left = await service.count("session_id = 'it'");
  expect(erased + left).toBe(100 + sent);
  // Some came after it was counted, and stay.
  expect(left).toBeGreaterThan(0);
  expect(await agreedCount(service)).toBe(sent * 19 + left);
  expect((await erase(service, { session_id: "it" })).erased).toBe(left);
  expect(await agreedCount(service)).toBe(sent * 19);
  await expectSoundFolder(service);
});

test(
  "erasures at once, and during a compaction, all come to their end with their own receipts",
  async () => {
    await using service = await startService({ env: briefGrace });
    const sessions = Array.from({ length: 4 }, () => randomUUID());
    for (let round = 0; round < 4; round++) {
      await service.batch([
        ...sessions.flatMap((session_id) => Array(5).fill({ event_name: "e", session_id })),
        ...others(20),
      ]);
      await Bun.sleep(200);
    }
    const compacting = compact(service);
    const erasing = sessions.map(async (session_id) => {
      await Bun.sleep(100 * sessions.indexOf(session_id));
      return (await erase(service, { session_id })).erased;
    });
    expect(await Promise.all(erasing)).toEqual([20, 20, 20, 20]);
    await compacting;
    expect(await agreedCount(service)).toBe(80);
    const receipts = await service.rows("SELECT DISTINCT request_hash FROM erasures");
    expect(receipts.map(({ request_hash }) => request_hash).sort()).toEqual(
      sessions.map((session_id) => hashOf({ session_id })).sort(),
    );
    await expectSoundFolder(service);
  },
  busyTestMsMax,
);

test("an erased event_id that is sent again is new after a restart, and until then stored as its answer says", async () => {
  await using service = await startService({ env: briefGrace });
  const event = { event_name: "again", event_id: randomUUID(), session_id: "once" };
  await service.track(event);
  expect((await erase(service, { session_id: "once" })).erased).toBe(1);
  const { duplicate } = await service.track(event);
  await service.waitSealed();
  expect(await service.count()).toBe(duplicate ? 0 : 1);
  await service.restart();
  expect((await service.track(event)).duplicate).toBe(!duplicate);
  expect(await agreedCount(service)).toBe(1);
});

describe("what is no plain condition is refused and changes nothing:", () => {
  /** One for each way in which one is refused; all that are: `upkeep/condition.test.ts`. */
  const refusedConditions = [
    "event_name = 'a') OR (true",
    "EXISTS (FROM read_text('/etc/passwd'))",
    "filename LIKE '%0000%'",
    "count(*) > 1",
    "random() < 0.5",
    "",
    "(properties->>'number')::INTEGER > 5",
    "session_id = 'a\u0000b'",
    "session_id",
  ];

  test(
    "told by 400 or 422, with no path in it",
    async () => {
      await using service = await startService({ env: briefGrace });
      await service.batch([
        { event_name: "a", properties: { number: 7 } },
        { event_name: "b", properties: { number: "x" } },
      ]);
      await service.waitSealed();
      const segments = segmentsOf(service.dataDir);
      for (const where of refusedConditions) {
        const response = await postAsAdmin(service, "erase", { where });
        const text = await response.text();
        expect({ where, status: response.status }).toEqual({ where, status: where === "" ? 422 : 400 });
        expect(text).not.toContain(service.dataDir);
        expect(text).not.toContain("segments");
      }
      for (const body of [
        {},
        [],
        null,
        { session_id: 7 },
        { session_id: null },
        { session_id: "a", client_id: "b" },
        { sid: "" },
      ])
        expect({ body, status: (await postAsAdmin(service, "erase", body)).status }).toEqual({ body, status: 422 });
      expect(segmentsOf(service.dataDir)).toEqual(segments);
      expect(existsSync(join(service.dataDir, "erasure.json"))).toBe(false);
      expect(await service.rows("FROM erasures")).toEqual([]);
      expect(await agreedCount(service)).toBe(2);
      // What can be evaluated on each, can be asked.
      expect((await erase(service, { where: "TRY_CAST(properties->>'number' AS INTEGER) > 5" })).erased).toBe(1);
      expect(await agreedCount(service)).toBe(1);
    },
    busyTestMsMax,
  );

  test("a token without the scope `admin` is a 403, none a 401", async () => {
    await using service = await startService();
    const body = JSON.stringify({ session_id: "x" });
    for (const path of ["erase", "compact"]) {
      const asked = (token?: string | null) =>
        service.request(`/api/v1/analytics/${path}`, { body, ...(token === undefined ? {} : { token }) });
      await expectRefused(await asked(), 403);
      await expectRefused(await asked(service.token({ scope: "events:write stats:read query" })), 403);
      await expectRefused(await asked(null), 401);
    }
  });
});

test("a stop during an erasure ends within 10 s with code 0; the next start brings it to its end by itself", async () => {
  await using service = await startService({ env: { MILLRACE_GRACE_SECONDS: "3600" } });
  const { session, events, needles } = person();
  await sendMixed(service, events);
  const erasing = erase(service, { session_id: session }).then(
    () => "done",
    () => "interrupted",
  );
  // It is counted, and waits for readers.
  await until(() => existsSync(join(service.dataDir, "erasure.json")), {
    what: "the erasure to begin",
    limitMs: 10_000,
  });
  const startedMs = Date.now();
  expect(await service.stop()).toBe(0);
  expect(Date.now() - startedMs).toBeLessThan(10_000);
  expect(await erasing).toBe("interrupted");
  await service.restart();
  await until(() => !existsSync(join(service.dataDir, "erasure.json")), { what: "the erasure's end", limitMs: 15_000 });
  expect(filesWith(service.dataDir, needles)).toEqual([]);
  await until(async () => (await service.rows("FROM erasures")).length === 1, { what: "its receipt", limitMs: 10_000 });
  expect(await service.rows("SELECT events, request_hash FROM erasures")).toEqual([
    { events: "5", request_hash: hashOf({ session_id: session }) },
  ]);
  expect(await agreedCount(service)).toBe(80);
  await expectSoundFolder(service);
});

test("an erasure that cannot be recorded has to be sent again, and does not happen by itself", async () => {
  await using service = await startService({ env: briefGrace });
  await service.track({ event_name: "kept", session_id: "s" });
  const inTheWay = join(service.dataDir, "erasure.json.tmp");
  mkdirSync(inTheWay);
  const answer = await postAsAdmin(service, "erase", { session_id: "s" });
  expect(await answer.clone().text()).toContain("Not finished; send it again");
  await expectRefused(answer, 503);
  rmdirSync(inTheWay);
  // A compaction first finishes a recorded erasure.
  await compact(service);
  expect(await service.count()).toBe(1);
  expect((await erase(service, { session_id: "s" })).erased).toBe(1);
});
