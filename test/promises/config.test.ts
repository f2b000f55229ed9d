/** Configuration is checked at start, all of it, and what is wrong is told by variable name. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Ended, millrace } from "../support/command.ts";
import { expectPlainWords } from "../support/refusals.ts";
import { startService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

/** Runs `serve` with these variables in a folder of its own and expects it to refuse. */
async function refused(env: Record<string, string>): Promise<Ended> {
  const dataDir = mkdtempSync(join(tmpdir(), "millrace-config-"));
  try {
    const ended = await millrace(["serve"], { env: { PORT: "0", MILLRACE_DATA_DIR: dataDir, ...env } });
    expect(ended).toMatchObject({ code: 2 });
    expect(ended.stdout).not.toContain("listening on");
    expectPlainWords(ended.stderr);
    return ended;
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

test("all errors come at once, each under its variable's name, with exit code 2", async () => {
  const wrong = {
    PORT: "99999",
    MILLRACE_SHARDS: "0",
    MILLRACE_JWT_SECRET: "short",
    MILLRACE_ACK: "maybe",
    MILLRACE_FLUSH_INTERVAL_SECONDS: "-1",
    MILLRACE_MAX_BUFFER_EVENTS: "many",
    MILLRACE_MAX_BODY_BYTES: "0",
    MILLRACE_LOG: "loud",
    MILLRACE_JWKS: "https://user:hunter2@issuer.example/jwks",
    MILLRACE_HS256: "no",
    MILLRACE_JWT_SECRET_PREVIOUS: "short",
    MILLRACE_RATE_LIMIT: "-5",
    MILLRACE_RETENTION_DAYS: "never",
    MILLRACE_GRACE_SECONDS: "-1",
    MILLRACE_CORS_ORIGINS: "https://example.org/",
    MILLRACE_WRITE_KEYS: "/nowhere/keys",
    MILLRACE_REVOKED: "/nowhere/revoked",
    MILLRACE_SCHEMAS: "/nowhere/schemas",
    MILLRACE_ALERTS: "/nowhere/alerts",
  };
  const { stderr } = await refused(wrong);
  expect(Object.keys(wrong).filter((name) => !stderr.includes(name))).toEqual([]);
});

test.each([
  ["PORT", "-1"],
  ["PORT", "http"],
  ["PORT", "65536"],
  ["PORT", "80.5"],
  ["MILLRACE_SHARDS", "-2"],
  ["MILLRACE_SHARDS", "1.5"],
  ["MILLRACE_SHARDS", "two"],
  ["MILLRACE_JWT_SECRET", "x".repeat(31)],
  ["MILLRACE_JWT_SECRET_PREVIOUS", "x".repeat(31)],
  ["MILLRACE_HS256", "off"],
  ["MILLRACE_JWKS", "https://"],
  ["MILLRACE_JWKS", "file:///nowhere/jwks"],
  ["MILLRACE_ACK", "Durable!"],
  ["MILLRACE_FLUSH_INTERVAL_SECONDS", "0"],
  ["MILLRACE_FLUSH_INTERVAL_SECONDS", "soon"],
  ["MILLRACE_MAX_BUFFER_EVENTS", "-5"],
  ["MILLRACE_MAX_BUFFER_EVENTS", "0"],
  ["MILLRACE_MAX_BODY_BYTES", "-1"],
  ["MILLRACE_MAX_BODY_BYTES", "1MB"],
  ["MILLRACE_CORS_ORIGINS", "https://shop.example,shop.example"],
  ["MILLRACE_CORS_ORIGINS", "https://shop.example,"],
  ["MILLRACE_RATE_LIMIT", "1.5"],
  ["MILLRACE_METRICS", "closed"],
  ["MILLRACE_LOG", "verbose"],
  ["MILLRACE_HTTP_THREADS", "0"],
  ["MILLRACE_HTTP_THREADS", "2"],
])("%s=%s is refused, and only it is named", async (name, value) => {
  const { stderr } = await refused({ [name]: value });
  expect(stderr).toContain(name);
  const others = ["PORT", "MILLRACE_SHARDS", "MILLRACE_JWT_SECRET", "MILLRACE_ACK", "MILLRACE_LOG"];
  for (const other of others) if (other !== name) expect(stderr).not.toContain(`${other}:`);
});

test("files that variables name are read at the start: all that are missing are listed, with exit code 2", async () => {
  const { stderr } = await refused({
    MILLRACE_REVOKED: "/nowhere/revoked",
    MILLRACE_WRITE_KEYS: "/nowhere/keys",
    MILLRACE_JWKS: "/nowhere/jwks",
  });
  expect(stderr).toContain("MILLRACE_REVOKED: /nowhere/revoked cannot be read: ENOENT");
  expect(stderr).toContain("MILLRACE_WRITE_KEYS: /nowhere/keys cannot be read: ENOENT");
  expect(stderr).toContain("MILLRACE_JWKS: /nowhere/jwks cannot be read: ENOENT");
});

test("a secret that is too short is not shown", async () => {
  const { stdout, stderr } = await refused({ MILLRACE_JWT_SECRET: "hunter2-hunter2" });
  expect(stdout + stderr).not.toContain("hunter2");
});

describe("what is not built yet is refused as not yet supported, never ignored", () => {
  test.each(["MILLRACE_JOURNAL", "MILLRACE_NODE", "MILLRACE_STORE"])("%s=x", async (name) => {
    const { stderr } = await refused({ [name]: "x" });
    expect(stderr).toMatch(new RegExp(`${name}: not yet supported`));
  });

  test.each(["log", "pull"])("millrace %s", async (command) => {
    const ended = await millrace([command]);
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toContain(`${command}: not yet supported`);
  });
});

describe("what nothing knows is refused by name, with exit code 2", () => {
  test("a variable", async () => {
    const { stderr } = await refused({ MILLRACE_FLUSH_INTERVALL_SECONDS: "5" });
    expect(stderr).toContain("MILLRACE_FLUSH_INTERVALL_SECONDS: unknown variable");
  });

  test("a variable, also for a command that needs no service", async () => {
    const ended = await millrace(["token", "--subject", "me"], { env: { MILLRACE_JWT_SECRETS: "x" } });
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toContain("MILLRACE_JWT_SECRETS: unknown variable");
  });

  test.each([
    { given: ["serv"], named: "serv" },
    { given: ["verify", "--fix"], named: "--fix" },
    { given: ["token"], named: "--subject" },
    { given: ["compact", "now"], named: "too many arguments" },
  ])("millrace $given", async ({ given, named }) => {
    const ended = await millrace(given);
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toContain(named);
  });

  test("help that was asked for is no error", async () => {
    for (const given of [["--help"], ["sql", "--help"], ["--version"]]) {
      const ended = await millrace(given);
      expect(ended).toMatchObject({ code: 0, stderr: "" });
    }
  });
});

test("every default of the contract, written out, is accepted", async () => {
  await using service = await startService({
    env: {
      HOST: "127.0.0.1",
      MILLRACE_SHARDS: "2",
      MILLRACE_HTTP_THREADS: "1",
      MILLRACE_ACK: "durable",
      MILLRACE_FLUSH_INTERVAL_SECONDS: "2",
      MILLRACE_MAX_BUFFER_EVENTS: "1000000",
      MILLRACE_MAX_BODY_BYTES: "1048576",
      MILLRACE_METRICS: "open",
      MILLRACE_RATE_LIMIT: "0",
      MILLRACE_RETENTION_DAYS: "0",
      MILLRACE_LOG: "info",
    },
  });
  expect((await service.stats()).buffer_status).toMatchObject({
    max_buffer_size: 1_000_000,
    flush_interval_seconds: 2,
  });
});

test("a port that is taken ends the start with a clear error", async () => {
  await using service = await startService();
  const port = new URL(service.url).port;
  const dataDir = mkdtempSync(join(tmpdir(), "millrace-port-"));
  try {
    const ended = await millrace(["serve"], { env: { PORT: port, MILLRACE_DATA_DIR: dataDir }, limitMs: 5_000 });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain(port);
    expectPlainWords(ended.stderr);
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});

test("a HOST that is not this machine's ends the start with a clear error", async () => {
  // An address of documentation alone: no machine has it.
  const host = "192.0.2.1";
  const dataDir = mkdtempSync(join(tmpdir(), "millrace-host-"));
  try {
    const ended = await millrace(["serve"], { env: { PORT: "0", HOST: host, MILLRACE_DATA_DIR: dataDir } });
    expect(ended.code).not.toBe(0);
    expect(ended.stderr).toContain(host);
    expectPlainWords(ended.stderr);
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});

test("MILLRACE_ACK=buffered answers, counts and seals like durable", async () => {
  await using service = await startService({ env: { MILLRACE_ACK: "buffered" } });
  for (let event = 0; event < 20; event++) await service.track({ event_name: "buffered" });
  expect((await service.stats()).total_events).toBe(20);
  await service.stop();
  await service.restart();
  expect(await service.count()).toBe(20);
});
