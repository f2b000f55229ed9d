/** A start that fails, at whatever step: it ends, in one sentence, leaves nothing running, and the next start works. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sequence, shardId } from "../../src/base/brand.ts";
import { journalName } from "../../src/store/folder/names.ts";
import { callLog, type Fault, faultyCalls } from "../support/faults.ts";
import { childrenOf, ended, entryPath, readProc, type Started, spawn } from "../support/process.ts";
import { expectPlainWords } from "../support/refusals.ts";
import { startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const secret = "a secret of the tests, 32 bytes at least";

/** What a service left that was killed: one event sealed, one in the journal. */
let template = "";

beforeAll(async () => {
  template = mkdtempSync(join(tmpdir(), "millrace-start-"));
  const dataDir = join(template, "data");
  const env = { MILLRACE_JWT_SECRET: secret, MILLRACE_SHARDS: "2", MILLRACE_FLUSH_INTERVAL_SECONDS: "3600" };
  await using service = await startService({ dataDir, env });
  await service.track({ event_name: "sealed" });
  await service.stop();
  await service.restart();
  await service.track({ event_name: "unsealed" });
  await service.kill9();
});
afterAll(() => rmSync(template, { recursive: true, force: true }));

/** A folder of its own for one test. */
function folder() {
  const path = mkdtempSync(join(tmpdir(), "millrace-start-"));
  const dataDir = join(path, "data");
  cpSync(join(template, "data"), dataDir, { recursive: true });
  return { dataDir, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Starts a service in a session of its own, so that whatever it starts can be told. */
function begin(dataDir: string, given: { env?: Record<string, string>; wrapper?: readonly string[] } = {}) {
  const started = spawn(["setsid", ...(given.wrapper ?? []), process.execPath, entryPath, "serve"], {
    env: { PORT: "0", MILLRACE_DATA_DIR: dataDir, MILLRACE_SHARDS: "2", MILLRACE_JWT_SECRET: secret, ...given.env },
  });
  return { started, [Symbol.dispose]: () => started.child.kill("SIGKILL") };
}

/** Processes of the session that a service began; the tracer of calls is not one of its own. */
const livingOf = ({ child }: Started) =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter(
      (pid) => / \S \d+ \d+ (\d+) /.exec(readProc(`${pid}/stat`).replace(/^.*\)/s, ""))?.[1] === String(child.pid),
    )
    .map((pid) => readProc(`${pid}/cmdline`).replaceAll("\0", " "))
    .filter((command) => command !== "" && !command.startsWith("strace"));

/** Waits for the end, of all that the service started too. */
async function theEnd(started: Started): Promise<{ code: number | null; sentences: string[] }> {
  const state = () => `${started.stdout.text}\n${started.stderr.text.slice(-4000)}`;
  await until(() => ended(started), { what: "the end of a start", limitMs: 20_000, state });
  await until(() => livingOf(started).length === 0, {
    what: "the end of what it started",
    limitMs: 5_000,
    state: () => livingOf(started).join("\n"),
  });
  await Promise.all([started.stdout.ended, started.stderr.ended]);
  // Lines of the log are JSON; the rest is for a person.
  const sentences = started.stderr.text.split("\n").filter((line) => line !== "" && !line.startsWith("{"));
  return { code: started.child.exitCode, sentences };
}

/** Expects a start to have failed as it should, and the next one to find the folder well. */
async function expectFailed(started: Started, { says, dataDir }: { says: RegExp; dataDir: string }) {
  const { code, sentences } = await theEnd(started);
  expect({ code, stdout: started.stdout.text }).toEqual({ code: 1, stdout: "" });
  expect(sentences).toEqual([expect.stringMatching(says)]);
  expectPlainWords(sentences.join("\n"));
  await expectStartsAgain(dataDir);
}

async function expectStartsAgain(dataDir: string) {
  await using service = await startService({ dataDir, env: { MILLRACE_JWT_SECRET: secret, MILLRACE_SHARDS: "2" } });
  expect((await service.stats()).total_events).toBe(2);
}

test("a port that is taken", async () => {
  using data = folder();
  using taken = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  using failed = begin(data.dataDir, { env: { PORT: String(taken.port) } });
  await expectFailed(failed.started, { says: /^millrace: cannot listen on 127\.0\.0\.1:\d+: .+/, ...data });
});

test("a keeper whose process ends at each of its starts", async () => {
  using data = folder();
  using failed = begin(data.dataDir);
  const { child } = failed.started;
  const isKeeper = (pid: number) => readProc(`${pid}/cmdline`).includes("keeper/actor");
  await until(
    () => {
      if (ended(failed.started)) return true;
      for (const pid of childrenOf(child.pid).filter(isKeeper)) process.kill(pid, "SIGKILL");
      return false;
    },
    { what: "the end of a start without a keeper", limitMs: 20_000, everyMs: 2 },
  );
  await expectFailed(failed.started, {
    says: /^millrace: the service cannot start: keeper: its process ended with SIGKILL; start it again, .+/,
    ...data,
  });
});

test("a shard that refuses to recover", async () => {
  using data = folder();
  const planted = join(data.dataDir, "journal", journalName({ shard: shardId(1), from: sequence(900) }));
  mkdirSync(planted);
  using failed = begin(data.dataDir);
  const { code, sentences } = await theEnd(failed.started);
  expect({ code, sentences }).toEqual({
    code: 1,
    sentences: [expect.stringMatching(/^millrace: .*(shard 1|journal).*/)],
  });
  rmSync(planted, { recursive: true });
  await expectStartsAgain(data.dataDir);
});

const faults: readonly Pick<Fault, "calls" | "fault" | "from" | "to">[] = [
  { calls: "sync", fault: "error", from: 1 },
  { calls: "sync", fault: "error", from: 2, to: 2 },
  { calls: "rename", fault: { error: "ENOSPC" }, from: 1 },
  { calls: "remove", fault: "error", from: 1, to: 1 },
];

test.each(faults)("a disk that fails: %j", async (fault) => {
  using data = folder();
  using log = callLog();
  const wrapper = faultyCalls({ ...fault, logPath: log.path });
  if (wrapper === undefined) return;
  using failed = begin(data.dataDir, { wrapper });
  // Some faults are no reason to refuse a start; one that is said to be is said well.
  await until(() => ended(failed.started) || failed.started.stdout.text.includes("listening on"), {
    what: "a start or its end",
    limitMs: 20_000,
    state: () => failed.started.stderr.text.slice(-4000),
  });
  const isListening = failed.started.stdout.text.includes("listening on");
  if (isListening) failed.started.child.kill("SIGKILL");
  const { code, sentences } = await theEnd(failed.started);
  if (!isListening) {
    expect({ code, sentences }).toEqual({ code: 1, sentences: [expect.stringMatching(/^millrace: .+; .+/)] });
    expectPlainWords(sentences.join("\n"));
  }
  expect(log.failed()).toBeGreaterThan(0);
  await expectStartsAgain(data.dataDir);
});

test("a signal during the start: it seals what an earlier life left, ends with 0 and never listens", async () => {
  using data = folder();
  using stopped = begin(data.dataDir);
  const { child, stdout } = stopped.started;
  await until(() => childrenOf(child.pid).length > 0, { what: "the keeper", limitMs: 10_000, everyMs: 1 });
  child.kill("SIGTERM");
  const { code, sentences } = await theEnd(stopped.started);
  expect({ code, sentences, stdout: stdout.text }).toEqual({ code: 0, sentences: [], stdout: "" });
  expect(readdirSync(join(data.dataDir, "journal")).filter((file) => file.endsWith(".ndjson"))).toEqual([]);
  await expectStartsAgain(data.dataDir);
});
