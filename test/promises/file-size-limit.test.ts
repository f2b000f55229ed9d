/**
 * C15: a limit on the size of files (`ulimit -f`, EFBIG), and what is like it: health is ok only while events are
 * accepted.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { callLog, faultyFromNow } from "../support/faults.ts";
import { Ledger } from "../support/ledger.ts";
import { type Service, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

/** Files that the running service writes may get this large from now on. */
function limitFiles(service: Service, bytes: number | "unlimited") {
  const limited = Bun.spawnSync(["prlimit", `--fsize=${bytes}:unlimited`, "--pid", String(service.pid)]);
  expect(limited.stderr.toString()).toBe("");
}

/** What each round came to, where the answer before and after the look at health was the same. */
async function sendAndAsk(service: Service, ledger: Ledger, rounds: number) {
  const seen = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    const before = await ledger.send(service, Ledger.ids(20));
    const health = (await service.health()).status;
    const after = await ledger.send(service, Ledger.ids(20));
    seen.add(before === after ? `${before}, health ${health}` : "changing");
  }
  return [...seen];
}

test.each([0, 4_096, 60_000, 600_000])(
  "with files of at most %i bytes, health is not ok while events are refused",
  async (bytes) => {
    await using service = await startService({ env: { MILLRACE_FLUSH_INTERVAL_SECONDS: "3600" } });
    const ledger = new Ledger();
    await ledger.send(service, Ledger.ids(20));
    limitFiles(service, bytes);
    const seen = await sendAndAsk(service, ledger, 60);
    expect(seen.filter((each) => each === "refused, health 200")).toEqual([]);
    expect([...ledger.refusals.keys()].filter((status) => status !== 503)).toEqual([]);
    limitFiles(service, "unlimited");
    await until(async () => (await service.health()).status === 200, { what: "health to be ok", limitMs: 10_000 });
    await ledger.retryAll(service);
    expect(await service.stop()).toBe(0);
    expect(await service.count("event_name = 'ledger'")).toBe(ledger.acknowledged.size);
  },
);

test("one batch larger than files may be does not keep small events out, and health says what cannot be written", async () => {
  await using service = await startService({ env: { MILLRACE_FLUSH_INTERVAL_SECONDS: "3600" } });
  limitFiles(service, 200_000);
  const large = Array.from({ length: 100 }, () => ({
    event_name: "large",
    properties: { padding: "x".repeat(4_000) },
  }));
  const post = async () => (await service.post("/api/v1/analytics/batch", { events: large })).status;
  await until(async () => (await post()) === 503, { what: "a refusal of the large batch", limitMs: 10_000 });
  await until(async () => (await service.post("/api/v1/analytics", { event_name: "small" })).status === 200, {
    what: "a small event to be taken",
    limitMs: 10_000,
  });
  const isTold = async () => (await (await service.health()).text()).includes("bytes at once cannot be written");
  await until(isTold, { what: "health to tell", limitMs: 10_000 });
  limitFiles(service, "unlimited");
  await until(async () => (await service.health()).status === 200, { what: "health to be ok", limitMs: 10_000 });
  expect(await post()).toBe(200);
});

test.each(["EDQUOT", "EFBIG", "ENOSPC"])(
  "zeros written ahead that are refused with %s refuse no event",
  async (error) => {
    await using service = await startService({
      env: { MILLRACE_FLUSH_INTERVAL_SECONDS: "3600", MILLRACE_SHARDS: "1" },
    });
    using log = callLog();
    await using faulty = await faultyFromNow(service.pid, {
      calls: "write",
      fault: { error },
      path: `${service.dataDir}/journal/0000-0000000000000001.ndjson`,
      from: 2,
      to: 2,
      logPath: log.path,
    });
    if (faulty === undefined) return;
    for (let event = 0; event < 5; event++)
      expect(await service.track({ event_name: "kept" })).toMatchObject({ success: true });
    expect(log.failed()).toBe(1);
    expect(await service.stop()).toBe(0);
    expect(await service.count()).toBe(5);
  },
);
