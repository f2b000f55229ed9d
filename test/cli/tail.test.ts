/** `millrace tail`: lines for people and for programs, across restarts, to a quiet end. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tailLine } from "../../src/cli/tail-line.ts";
import { millrace } from "../support/command.ts";
import { entryPath, spawn } from "../support/process.ts";
import { type Service, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const event = {
  event_id: "01a21d33-73b8-7585-aedd-75716621b736",
  event_name: "purchase\u001b[2J",
  category: "trading",
  priority: "medium",
  timestamp: "2026-11-27T13:30:40.950123Z",
  user_id: "ann\n",
  page_url: 'https://shop.example/?q="properties":1',
};

describe("a line for people", () => {
  const json = `${JSON.stringify(event).slice(0, -1)},"properties":{"price":1.50,"n":9007199254740993}}`;

  test("has time, category, name, who, page and properties with their digits; nothing controls the terminal", () => {
    expect(tailLine(json, { hasColour: false })).toBe(
      '13:30:40.950 trading     purchase\\u001b[2J ann\\n https://shop.example/?q="properties":1 {"price":1.50,"n":9007199254740993}',
    );
  });

  test("in colour it says the same", () => {
    const coloured = tailLine(json, { hasColour: true });
    expect(coloured).toContain("\u001b[");
    expect(Bun.stripANSI(coloured)).toBe(tailLine(json, { hasColour: false }));
  });
});

const envOf = (service: Service) => ({ MILLRACE_DATA_DIR: service.dataDir, MILLRACE_JWT_SECRET: service.secret });

const follow = (service: Service, ...words: string[]) =>
  spawn([process.execPath, entryPath, "tail", ...words], { env: envOf(service) });

const sent = (name: string) => ({ event_name: name, category: "auth" });

test("on a pipe it is lines of JSON, goes on after kill -9 without loss, and Ctrl-C is exit code 0", async () => {
  await using service = await startService({ env: { MILLRACE_SHARDS: "2" } });
  const { child, stdout, stderr } = follow(service, "--category", "auth");
  const names = () =>
    stdout.text
      .split("\n")
      .slice(0, -1)
      .map((line) => String(JSON.parse(line).event_name));
  const state = () => `${stdout.text}\n${stderr.text}`;
  const has = (name: string) =>
    until(() => names().includes(name), { what: `the event ${name}`, limitMs: 15_000, state });
  // It says nothing before the first event, so events are sent until one is shown.
  let first = 0;
  await until(
    async () => {
      await service.track(sent(`first ${first++}`));
      return names().length > 0;
    },
    { what: "a first event", limitMs: 15_000, state },
  );
  await service.batch([{ event_name: "unwanted" }, sent("before")]);
  await has("before");
  await service.kill9();
  await service.restart();
  await service.track(sent("while away"));
  await has("while away");
  expect(names().filter((name) => !name.startsWith("first"))).toEqual(["before", "while away"]);
  expect(stderr.text).toContain("connects again");
  expect(stderr.text).toContain("connected again");
  child.kill("SIGINT");
  expect(await child.exited).toBe(0);
});

test("a pipe that is closed ends it quietly", async () => {
  await using service = await startService({ env: { MILLRACE_SHARDS: "2" } });
  const line = `${process.execPath} ${entryPath} tail | head -n 1; echo "$\{PIPESTATUS[0]}"`;
  const { child, stdout, stderr } = spawn(["bash", "-c", line], { env: envOf(service) });
  await until(
    async () => {
      await service.track(sent("any"));
      return child.exitCode !== null;
    },
    { what: "the end of the pipe", limitMs: 15_000, state: () => stderr.text },
  );
  await Promise.all([stdout.ended, stderr.ended]);
  expect(stdout.text.trimEnd().split("\n").length).toBe(2);
  expect(stdout.text).toEndWith("}\n0\n");
  expect(stderr.text).toBe("");
});

test("without a service, a folder or a position it says what is wrong", async () => {
  const service = await startService({ env: { MILLRACE_SHARDS: "2" } });
  const env = envOf(service);
  const wrong = await millrace(["tail", "--from", "abc"], { env });
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("id of a message")]);
  expect((await millrace(["tail", "--category", "Auth"], { env })).code).toBe(2);
  await service.stop();
  const none = await millrace(["tail"], { env });
  expect([none.code, none.stderr]).toEqual([1, expect.stringContaining("no service answers at http://127.0.0.1:")]);
  await service[Symbol.asyncDispose]();
  const folder = join(mkdtempSync(join(tmpdir(), "millrace-test-")), "nowhere");
  const nowhere = await millrace(["tail"], { env: { MILLRACE_DATA_DIR: folder } });
  expect([nowhere.code, nowhere.stderr]).toEqual([1, expect.stringContaining("is not a data folder")]);
});
