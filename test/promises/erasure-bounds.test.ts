/** What an erasure may take, and when it has begun: limits of conditions, clients that leave, dry runs. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { millrace } from "../support/command.ts";
import { childrenOf, readProc } from "../support/process.ts";
import { type Service, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";
import {
  agreedCount,
  briefGrace,
  erase,
  expectNoLeftovers,
  expectSoundFolder,
  postAsAdmin,
  rewriterOf,
  segmentsOf,
} from "../support/upkeep.ts";

setDefaultTimeout(testMsMax);

/** Nothing of an erasure is there: neither asked, nor done, nor half done. */
async function expectUntouched(service: Service, events: number): Promise<void> {
  expect(existsSync(join(service.dataDir, "erasure.json"))).toBe(false);
  expect(await service.rows("FROM erasures")).toEqual([]);
  expect(await agreedCount(service)).toBe(events);
  await expectNoLeftovers(service.dataDir);
}

/** Takes minutes for a thousand events, in little memory. */
const slowCondition = "levenshtein(repeat(event_id::VARCHAR, 300), repeat(event_name || event_id::VARCHAR, 300)) < 0";

async function serviceWithEvents(env: Readonly<Record<string, string>> = {}): Promise<Service> {
  const service = await startService({ env: { ...briefGrace, ...env } });
  for (let batch = 0; batch < 10; batch++)
    await service.batch(Array(100).fill({ event_name: "bounded", session_id: "s" }));
  await service.waitSealed();
  return service;
}

test("a condition that wants the machine's memory is refused by 400, with memory left and nothing changed", async () => {
  await using service = await serviceWithEvents({ MILLRACE_QUERY_MEMORY_MIB: "512" });
  for (const where of [
    "list_contains(list_transform(range(1000000000), x->x), 1)",
    "list_contains(range(1000000 + length(event_name)), 1)",
    "length(repeat(event_name, 400000000)) > 1",
    "list_sort(range(100000000 + length(event_name)))[1] = 1",
  ]) {
    let peakKiB = 0;
    let isOver = false;
    const asked = postAsAdmin(service, "erase", { where }).finally(() => {
      isOver = true;
    });
    await until(
      () => {
        for (const pid of childrenOf(service.pid))
          peakKiB = Math.max(peakKiB, Number(/^VmHWM:\s+(\d+) kB$/m.exec(readProc(`${pid}/status`))?.[1] ?? 0));
        return isOver;
      },
      { what: `an answer to ${where}`, limitMs: 60_000, everyMs: 5 },
    );
    const response = await asked;
    const text = await response.text();
    expect({ where, status: response.status, text }).toEqual({
      where,
      status: 400,
      text: expect.stringMatching(/memory|Cannot resize vector|longer than/),
    });
    expect(text).not.toContain(service.dataDir);
    expect(peakKiB).toBeLessThan(700 * 1024);
  }
  await expectUntouched(service, 1_000);
  expect((await erase(service, { where: "session_id = 's'" })).erased).toBe(1_000);
  await expectSoundFolder(service);
});

test("a condition that takes longer than a query may is ended and refused", async () => {
  await using service = await serviceWithEvents({ MILLRACE_QUERY_SECONDS: "2" });
  for (const body of [{ where: slowCondition }, { where: slowCondition, dry_run: true }]) {
    const response = await postAsAdmin(service, "erase", body);
    expect({ status: response.status, body: await response.json() }).toEqual({
      status: 400,
      body: { detail: "The condition took longer than 2 s and was ended" },
    });
  }
  await expectUntouched(service, 1_000);
});

test("a client that leaves before the erasure is written down ends it, running or waiting", async () => {
  await using service = await serviceWithEvents({ MILLRACE_QUERY_SECONDS: "600" });
  const clients = [new AbortController(), new AbortController()];
  const asked = clients.map(({ signal }, index) =>
    fetch(`${service.url}/api/v1/analytics/erase`, {
      method: "POST",
      headers: { authorization: `Bearer ${service.token({ scope: "admin" })}`, "content-type": "application/json" },
      body: JSON.stringify(index === 0 ? { where: slowCondition } : { where: "event_name = 'bounded'" }),
      signal,
    }).catch(() => "left"),
  );
  const child = await rewriterOf(service);
  for (const client of clients.toReversed()) client.abort();
  expect(await Promise.all(asked)).toEqual(["left", "left"]);
  await until(() => !childrenOf(service.pid).includes(child), { what: "the end of the process", limitMs: 20_000 });
  // The second one had its turn before this one, and did nothing.
  expect((await erase(service, { session_id: "nobody" })).erased).toBe(0);
  expect(await service.rows("SELECT events FROM erasures")).toEqual([{ events: "0" }]);
  expect(await agreedCount(service)).toBe(1_000);
  await expectSoundFolder(service);
});

test("the process that evaluates a condition knows nothing of the service's environment", async () => {
  await using service = await serviceWithEvents({
    MILLRACE_JWT_SECRET: "a key that must not leave the service at all",
  });
  const asked = postAsAdmin(service, "erase", { where: slowCondition, dry_run: true });
  const child = await rewriterOf(service);
  const names = readProc(`${child}/environ`)
    .split("\0")
    .filter(Boolean)
    .map((entry) => entry.split("=", 1)[0]);
  // The shell that sets the limits adds where it is, and what it starts; the allocator's options are for this process.
  const known = ["PATH", "PWD", "OLDPWD", "SHLVL", "_", "DUCKDB_JE_MALLOC_CONF"];
  expect(names.filter((name) => !known.includes(name ?? ""))).toEqual([]);
  expect(readProc(`${child}/limits`)).toMatch(/^Max data size\s+\d+/m);
  process.kill(child, "SIGKILL");
  expect((await asked).status).toBe(400);
});

test("a dry run says how many events would go and changes nothing, over HTTP and at the command line", async () => {
  await using service = await startService({ env: { ...briefGrace, MILLRACE_FLUSH_INTERVAL_SECONDS: "0.3" } });
  await service.batch(Array(30).fill({ event_name: "theirs", session_id: "it's" }), "client");
  await service.waitSealed();
  await service.batch(Array(12).fill({ event_name: "unsealed", session_id: "it's" }));
  await service.batch(Array(5).fill({ event_name: "other" }));
  const asked = async (body: object) => {
    const response = await postAsAdmin(service, "erase", body);
    return { status: response.status, body: await response.json() };
  };
  const counted = (events: number) => ({
    status: 200,
    body: { dry_run: true, would_erase: events, not_searched: [] },
  });
  const before = segmentsOf(service.dataDir).current.length;
  expect(await asked({ session_id: "it's", dry_run: true })).toEqual(counted(42));
  expect(await asked({ client_id: "client", dry_run: true })).toEqual(counted(30));
  expect(await asked({ where: "event_name = 'unsealed'", dry_run: true })).toEqual(counted(12));
  expect(await asked({ where: "true", dry_run: true })).toEqual(counted(47));
  expect(await asked({ where: "1", dry_run: true })).toMatchObject({ status: 400 });
  for (const dry_run of [null, 1, "true", {}])
    expect(await asked({ session_id: "it's", dry_run })).toMatchObject({ status: 422 });
  expect(await asked({ dry_run: true })).toMatchObject({ status: 422 });
  const env = { MILLRACE_DATA_DIR: service.dataDir, MILLRACE_JWT_SECRET: service.secret };
  const atPrompt = await millrace(["erase", "--session-id", "it's", "--dry-run"], { env });
  expect(atPrompt).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(atPrompt.stdout)).toEqual(counted(42).body);
  await expectUntouched(service, 47);
  expect(segmentsOf(service.dataDir).current.length).toBeGreaterThanOrEqual(before);
  // `false` is not a dry run, and the count was right.
  expect((await erase(service, { session_id: "it's", dry_run: false })).erased).toBe(42);
  await service.stop();
  const alone = await millrace(["erase", "--where", "event_name = 'other'", "--dry-run"], { env });
  expect(JSON.parse(alone.stdout)).toEqual(counted(5).body);
  expect(readdirSync(service.dataDir)).not.toContain("erasure.json");
});

test("an erasure from the command line has no subject, whatever the environment says", async () => {
  await using service = await startService({ env: briefGrace });
  await service.batch(Array(3).fill({ event_name: "e", session_id: "s" }));
  for (const USER of ["somebody", "0", "", undefined]) {
    const env = { MILLRACE_DATA_DIR: service.dataDir, MILLRACE_JWT_SECRET: service.secret, USER };
    const { code, stdout } = await millrace(["erase", "--session-id", "s"], { env });
    expect({ code, by: JSON.parse(stdout).by }).toEqual({ code: 0, by: null });
  }
  expect(await service.rows("SELECT DISTINCT by_subject FROM erasures")).toEqual([{ by_subject: null }]);
});
