/** The package as users get it: packed by npm, installed into an empty project, run by Node and by Bun. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runToEnd } from "../support/command.ts";
import { repoRoot, spawn } from "../support/process.ts";
import { accepted, startScriptedServer } from "../support/scripted-server.ts";
import { testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const root = mkdtempSync(join(tmpdir(), "millrace-package-"));
const project = join(root, "project");
const bin = join(repoRoot, "node_modules/.bin");
const PATH = `${bin}:${join(process.execPath, "..")}:${process.env["PATH"]}`;

beforeAll(async () => {
  // A copy, so that what is built never stands in the tree.
  const source = join(root, "src/client");
  cpSync(join(repoRoot, "src/client"), source, { recursive: true });
  cpSync(join(repoRoot, "tsconfig.json"), join(root, "tsconfig.json"));
  symlinkSync(join(repoRoot, "node_modules"), join(root, "node_modules"));
  const packed = await runToEnd(["npm", "pack", "--pack-destination", root], {
    cwd: source,
    env: { PATH },
    limitMs: 60_000,
  });
  expect(packed).toMatchObject({ code: 0 });
  const [tarball = ""] = readdirSync(root).filter((name) => name.endsWith(".tgz"));
  mkdirSync(project);
  await Bun.write(join(project, "package.json"), '{ "type": "module", "private": true }');
  const installed = await runToEnd(["npm", "install", "--offline", "--no-audit", join(root, tarball)], {
    cwd: project,
    env: { PATH },
    limitMs: 60_000,
  });
  expect(installed).toMatchObject({ code: 0 });
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Writes a program into the project. */
const write = (name: string, text: string) => Bun.write(join(project, name), text);

const head = `import { createClient } from "millrace-client";
const client = createClient({ url: process.env.URL_OF_SERVER, token: "t" });
`;

describe.each(["node", process.execPath])("in %s", (runtime) => {
  test("a program that ends by itself has sent its events, and waits no longer than for the answer", async () => {
    await using server = await startScriptedServer(() => accepted);
    await write("natural.js", `${head}for (let n = 0; n < 120; n += 1) client.track("natural", { n });`);
    const ended = await runToEnd([runtime, "natural.js"], { cwd: project, env: { PATH, URL_OF_SERVER: server.url } });
    expect(ended).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(new Set(server.requests.flatMap(({ events }) => events.map((event) => event.event_id))).size).toBe(120);
  });

  test("a service that is away for a moment at the end is waited for", async () => {
    await using server = await startScriptedServer((_asked, nth) => (nth < 3 ? { status: 503 } : accepted));
    await write("away.js", `${head}client.track("away");`);
    const ended = await runToEnd([runtime, "away.js"], { cwd: project, env: { PATH, URL_OF_SERVER: server.url } });
    expect(ended).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(server.requests.length).toBeGreaterThanOrEqual(4);
  });

  test("events in the outbox survive kill -9, and the next start sends them under their ids, once", async () => {
    await using away = await startScriptedServer(() => ({ status: 503, headers: { "retry-after": "60" } }));
    const folder = join(root, `outbox-${runtime.length}`);
    await write(
      "outbox.js",
      `import { createClient } from "millrace-client";
import { openOutbox } from "millrace-client/outbox";
const client = createClient({ url: process.env.URL_OF_SERVER, token: "t", outbox: openOutbox(process.argv[2]) });
if (process.argv[3] === "die") {
  for (let n = 0; n < 300; n += 1) client.track("kept", { n }, { event_id: "01a20919-3612-70a9-873d-" + String(n).padStart(12, "0") });
  process.kill(process.pid, "SIGKILL");
} else console.log(JSON.stringify(await client.close()));`,
    );
    const run = (url: string, ...words: string[]) =>
      runToEnd([runtime, "outbox.js", folder, ...words], { cwd: project, env: { PATH, URL_OF_SERVER: url } });
    expect((await run(away.url, "die")).code).toBeNull();
    await using server = await startScriptedServer(() => accepted);
    expect(await run(server.url)).toMatchObject({ code: 0, stdout: '{"sent":300,"dropped":0}\n' });
    const ids = server.requests.flatMap(({ events }) => events.map((event) => event.event_id));
    expect([ids.length, new Set(ids).size]).toEqual([300, 300]);
    expect(readdirSync(folder)).toEqual([]);
    expect(await run(server.url)).toMatchObject({ code: 0, stdout: '{"sent":0,"dropped":0}\n' });
  });
});

test("a file of the outbox has one owner: another process takes nothing of one that still runs", async () => {
  await using away = await startScriptedServer(() => ({ status: 503, headers: { "retry-after": "60" } }));
  const folder = join(root, "outbox-shared");
  await write(
    "owner.js",
    `import { createClient } from "millrace-client";
import { openOutbox } from "millrace-client/outbox";
const client = createClient({ url: process.env.URL_OF_SERVER, token: "t", outbox: openOutbox(process.argv[2]) });
client.track("mine");
setInterval(() => {}, 1000);
console.log("tracked");`,
  );
  const env = { PATH, URL_OF_SERVER: away.url };
  const owner = spawn(["node", "owner.js", folder], { cwd: project, env });
  try {
    await until(() => owner.stdout.text.includes("tracked"), { what: "the owner's event", limitMs: 10_000 });
    await using server = await startScriptedServer(() => accepted);
    const other = () =>
      runToEnd(["node", "outbox.js", folder], { cwd: project, env: { PATH, URL_OF_SERVER: server.url } });
    expect(await other()).toMatchObject({ stdout: '{"sent":0,"dropped":0}\n' });
    owner.child.kill("SIGKILL");
    await owner.child.exited;
    expect(await other()).toMatchObject({ stdout: '{"sent":1,"dropped":0}\n' });
  } finally {
    owner.child.kill("SIGKILL");
  }
});

test("its types say what the API takes, as strictly as a user compiles", async () => {
  await write(
    "types.ts",
    `import { createClient, type Client, type DropReason, type Flushed } from "millrace-client";
import { openOutbox } from "millrace-client/outbox";
const client: Client = createClient({
  url: "https://events.example",
  token: async () => "t",
  outbox: openOutbox("folder"),
  onDrop: (count: number, reason: DropReason) => count,
});
client.track("a", { b: 1 }, { category: "trading", priority: "low", user_id: null });
// @ts-expect-error: not a category
client.track("a", {}, { category: "sports" });
// @ts-expect-error: a name is needed
client.track();
// @ts-expect-error: a token is needed
createClient({ url: "https://events.example" });
export const flushed: Promise<Flushed> = client.flush();
export async function scoped(): Promise<void> {
  await using scope = client;
  scope.page();
}`,
  );
  const strictly = ["--strict", "--noEmit", "--target", "ESNext", "--module", "NodeNext", "--skipLibCheck"];
  const compiled = await runToEnd(
    [
      process.execPath,
      join(repoRoot, "node_modules/typescript/bin/tsc"),
      ...strictly,
      "--lib",
      "ESNext,DOM",
      "types.ts",
    ],
    { cwd: project, limitMs: 60_000 },
  );
  expect(compiled).toMatchObject({ code: 0, stdout: "" });
});

test("it is one module without dependencies, 3 KB compressed at most", async () => {
  const folder = join(project, "node_modules/millrace-client");
  const { dependencies } = await Bun.file(join(folder, "package.json")).json();
  expect(dependencies).toBeUndefined();
  const text = await Bun.file(join(folder, "dist/client.js")).text();
  expect(text).not.toMatch(/\bimport\b/);
  expect(Bun.gzipSync(text).byteLength).toBeLessThanOrEqual(3 * 1024);
});
