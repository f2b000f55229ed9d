/** The command line, and the first minute of a newcomer. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { millrace, runToEnd } from "../support/command.ts";
import { cleanEnv, entryPath } from "../support/process.ts";
import { expectPlainWords } from "../support/refusals.ts";
import { temporaryFolder } from "../support/rows.ts";
import { paths, type Service, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const madeSecret = { MILLRACE_JWT_SECRET: undefined };

/** The claims of a token that stands alone on one line. */
function claimsOf(stdout: string): Record<string, unknown> {
  expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  return JSON.parse(Buffer.from(stdout.split(".")[1] ?? "", "base64url").toString());
}

describe("token", () => {
  test("prints one JWT and nothing else, and the service takes it", async () => {
    await using service = await startService({ env: madeSecret });
    const env = { MILLRACE_DATA_DIR: service.dataDir };
    const { code, stdout, stderr } = await millrace(["token", "--subject", "newcomer"], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const claims = claimsOf(stdout);
    expect(claims["sub"]).toBe("newcomer");
    expect(Number(claims["exp"]) * 1000).toBeGreaterThan(Date.now());
    const token = stdout.trim();
    expect((await service.request(paths.track, { token, body: '{"event_name":"by token"}' })).status).toBe(200);
    expect((await service.request(paths.stats, { token })).status).toBe(200);
    const sealed = async () => (await service.count("subject = 'newcomer'")) === 1;
    await until(sealed, { what: "the newcomer's event in the catalog", limitMs: 5_000 });
  });

  test("--scope and --ttl stand in the token and hold", async () => {
    await using service = await startService({ env: madeSecret });
    const words = ["token", "--subject", "reader", "--scope", "stats:read", "--ttl", "10m"];
    const { stdout } = await millrace(words, { env: { MILLRACE_DATA_DIR: service.dataDir } });
    const claims = claimsOf(stdout);
    expect(claims["scope"]).toBe("stats:read");
    const leftSeconds = Number(claims["exp"]) - Date.now() / 1000;
    expect(leftSeconds).toBeGreaterThan(590);
    expect(leftSeconds).toBeLessThan(610);
    const token = stdout.trim();
    expect((await service.request(paths.stats, { token })).status).toBe(200);
    expect((await service.request(paths.track, { token, body: '{"event_name":"x"}' })).status).toBe(403);
  });

  test("is signed by MILLRACE_JWT_SECRET where that is set", async () => {
    await using service = await startService();
    const env = { MILLRACE_DATA_DIR: service.dataDir, MILLRACE_JWT_SECRET: service.secret };
    const { stdout } = await millrace(["token", "--subject", "a"], { env });
    expect((await service.request(paths.stats, { token: stdout.trim() })).status).toBe(200);
  });

  test.each([
    ["no subject", []],
    ["a ttl that is none", ["--subject", "a", "--ttl", "soon"]],
    ["an option that is none", ["--subject", "a", "--nonsense"]],
    ["a ttl of nothing", ["--subject", "a", "--ttl", "0s"]],
    ["a ttl below nothing", ["--subject", "a", "--ttl=-1h"]],
    ["a ttl past ten years", ["--subject", "a", "--ttl", "3651d"]],
    ["a ttl past all years", ["--subject", "a", "--ttl", "999999999d"]],
    ["an empty subject", ["--subject", ""]],
    ["a subject that no header holds", ["--subject", "x".repeat(7_000)]],
    ["a subject past the service's bound", ["--subject", "x".repeat(70_000)]],
    ["an unknown scope", ["--subject", "a", "--scope", "events:write nonsense"]],
    ["an empty scope", ["--subject", "a", "--scope", ""]],
    ["scopes separated by commas", ["--subject", "a", "--scope", "events:write,query"]],
  ])("%s is an error, and no token comes out", async (_what, words) => {
    // A folder with a secret, so that nothing but the words is wrong.
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, "secret"), "k".repeat(43), { mode: 0o600 });
    const ended = await millrace(["token", ...words], { env: { MILLRACE_DATA_DIR: folder.path } });
    expect(ended.code).toBe(2);
    expect(ended.stdout).toBe("");
    expect(ended.stderr).not.toBe("");
    expectPlainWords(ended.stderr);
  });
});

describe("--help", () => {
  const commands = ["serve", "token", "sql", "export", "snapshot", "restore", "verify"];

  test("names every command that there is", async () => {
    const { code, stdout } = await millrace(["--help"]);
    expect(code).toBe(0);
    for (const command of commands) expect(stdout).toContain(command);
  });

  test.each(commands)("%s --help tells its use and does nothing else", async (command) => {
    const { code, stdout, stderr } = await millrace([command, "--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(command);
    expect(stdout).not.toContain("listening on");
  });

  test("a command that there is not is an error", async () => {
    const { code, stderr } = await millrace(["frobnicate"]);
    expect(code).not.toBe(0);
    expect(stderr).toContain("frobnicate");
  });
});

describe("verify", () => {
  const verify = (service: Service) => millrace(["verify"], { env: { MILLRACE_DATA_DIR: service.dataDir } });

  /** Turns one byte of a file around. */
  function flip(path: string, at: (bytes: Uint8Array) => number) {
    const bytes = readFileSync(path);
    const index = at(bytes);
    bytes[index] = (bytes[index] ?? 0) ^ 0x01;
    writeFileSync(path, bytes);
  }

  async function stoppedWith(state: "sealed" | "in the journal"): Promise<Service> {
    const interval = state === "sealed" ? "0.2" : "3600";
    const service = await startService({ env: { MILLRACE_FLUSH_INTERVAL_SECONDS: interval, MILLRACE_SHARDS: "1" } });
    for (let group = 0; group < 20; group++) await service.batch(Array(50).fill({ event_name: "verified" }));
    if (state === "sealed") {
      await service.waitSealed();
      await service.stop();
    } else {
      await service.kill9();
    }
    return service;
  }

  test("a killed service's folder is good, journal and all", async () => {
    await using service = await stoppedWith("in the journal");
    expect(await verify(service)).toMatchObject({ code: 0 });
  });

  test("a byte turned in a journal is told, with the file, and exit code 1", async () => {
    await using service = await stoppedWith("in the journal");
    const [journal = ""] = service.journalPaths();
    // In the first group, with whole groups behind it: no torn tail.
    flip(journal, (bytes) => Buffer.from(bytes).indexOf("verified") + 2);
    const { code, stdout, stderr } = await verify(service);
    expect(code).toBe(1);
    expect(stdout + stderr).toContain(basename(journal));
  });

  test("a stopped service's folder is good; a byte turned in a segment, wherever, and a cut are told, with the file", async () => {
    await using service = await stoppedWith("sealed");
    const [segment = ""] = service.segmentPaths();
    const sound = readFileSync(segment);
    for (const part of [0.1, 0.5, 0.9]) {
      flip(segment, (bytes) => usedByteNear(bytes, part));
      const { code, stdout, stderr } = await verify(service);
      expect({ part, code }).toEqual({ part, code: 1 });
      expect(stdout + stderr).toContain(basename(segment));
      writeFileSync(segment, sound);
    }
    writeFileSync(segment, sound.subarray(0, sound.length / 2));
    expect(await verify(service)).toMatchObject({ code: 1 });
    writeFileSync(segment, sound);
    expect(await verify(service)).toMatchObject({ code: 0, stderr: "", stdout: expect.stringContaining("1000") });
  });

  /** DuckDB leaves parts of a file unused, as zeros: a byte there says nothing. */
  function usedByteNear(bytes: Uint8Array, part: number): number {
    const from = Math.floor(bytes.length * part);
    const after = bytes.findIndex((byte, at) => at >= from && byte !== 0);
    return after === -1 ? bytes.findLastIndex((byte) => byte !== 0) : after;
  }
});

describe("the first minute", () => {
  /** The shell command that starts with `curl`, over as many lines as its backslashes say. */
  function curlLine(stdout: string): string {
    const [line] = stdout.match(/curl (?:.*\\\n)*.*/) ?? [];
    if (line === undefined) throw new Error(`no curl line in: ${stdout}`);
    return line;
  }

  test("a first start prints address, token command and a curl line that works; the event is there 2 s later", async () => {
    await using service = await startService({
      env: { ...madeSecret, MILLRACE_FLUSH_INTERVAL_SECONDS: undefined, MILLRACE_LOG: undefined },
    });
    await until(() => service.stdout.includes("curl "), { what: "a curl line", limitMs: 2_000 });
    expect(service.stdout).toContain(`listening on ${service.url}\n`);
    expect(service.stdout).toMatch(/millrace token|token --subject/);
    const ran = await runToEnd(["sh", "-c", curlLine(service.stdout)], { env: { MILLRACE_DATA_DIR: service.dataDir } });
    expect(ran.code).toBe(0);
    expect(JSON.parse(ran.stdout)).toMatchObject({ success: true, duplicate: false });
    // Two seconds to the seal, and a moment for the catalog.
    await until(async () => (await service.count()) === 1, { what: "the event in the catalog", limitMs: 3_000 });
  });

  test("a live token is printed on a terminal alone, never to a file or a pipe", async () => {
    const anyToken = /eyJ[\w-]+\.[\w-]+\.[\w-]+/;
    await using service = await startService({ env: { ...madeSecret, MILLRACE_LOG: "debug" } });
    expect(service.stdout).toContain("listening on");
    expect(`${service.stdout}${service.stderr}`).not.toMatch(anyToken);
    using folder = temporaryFolder();
    let shown = "";
    const onTerminal = Bun.spawn([process.execPath, entryPath, "serve"], {
      env: cleanEnv({ PORT: "0", MILLRACE_DATA_DIR: folder.path }),
      terminal: {
        cols: 500,
        data: (_, bytes) => {
          shown += new TextDecoder().decode(bytes);
        },
      },
    });
    try {
      const address = await until(() => /listening on (http:\S+)/.exec(shown)?.[1], {
        what: "a start",
        limitMs: 30_000,
      });
      const [token = ""] = anyToken.exec(shown) ?? [];
      const headers = { authorization: `Bearer ${token}` };
      expect((await fetch(address + paths.stats, { headers })).status).toBe(200);
    } finally {
      onTerminal.kill("SIGTERM");
      await onTerminal.exited;
      onTerminal.terminal?.close();
    }
  });

  test("the token command that it prints works as printed", async () => {
    await using service = await startService({ env: madeSecret });
    const [command] = service.stdout.match(/^\s*\S+ .*\btoken --subject .*$/m) ?? [];
    const ran = await runToEnd(["sh", "-c", command ?? "exit 1"], { env: { MILLRACE_DATA_DIR: service.dataDir } });
    expect(ran.code).toBe(0);
    claimsOf(ran.stdout);
    expect((await service.request(paths.stats, { token: ran.stdout.trim() })).status).toBe(200);
  });

  test("a start with a secret of one's own prints no secret and no token of it", async () => {
    await using service = await startService();
    expect(service.stdout).not.toContain(service.secret);
    expect(service.stderr).not.toContain(service.secret);
  });

  test("stdout is for people, stderr for logs: one JSON object a line", async () => {
    await using service = await startService({ env: { MILLRACE_LOG: "debug" } });
    await service.track({ event_name: "logged" });
    await service.post(paths.track, "{");
    await service.request("/nowhere");
    await service.waitSealed();
    await service.stop();
    const lines = service.stderr.trimEnd().split("\n");
    expect(lines.length).toBeGreaterThan(1);
    for (const line of lines) expect(typeof JSON.parse(line)).toBe("object");
    expect(service.stdout).not.toMatch(/^\{/m);
  });

  test("logs hold no token and no secret", async () => {
    await using service = await startService({ env: { MILLRACE_LOG: "debug" } });
    const token = service.token({ subject: "private" });
    await service.request(paths.track, { token, body: '{"event_name":"x"}' });
    await service.request(paths.track, { token: `${token}x`, body: '{"event_name":"x"}' });
    await service.stop();
    expect(service.stderr).not.toContain(token);
    expect(service.stderr).not.toContain(service.secret);
  });

  test("silent is silent", async () => {
    await using service = await startService({ env: { MILLRACE_LOG: "silent" } });
    await service.post(paths.track, "{");
    await service.stop();
    expect(service.stderr).toBe("");
  });
});
