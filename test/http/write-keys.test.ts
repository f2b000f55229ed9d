/** Write keys: who they let in, and what for. */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseWriteKeyFile } from "../../src/http/token/write-key-file.ts";
import { expectRefused } from "../support/refusals.ts";
import { paths, sharedService, testMsMax } from "../support/service.ts";
import { nowSeconds, signToken } from "../support/tokens.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const folder = mkdtempSync(join(tmpdir(), "millrace-keys-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, "keys.json");

const sha256 = (key: string) => createHash("sha256").update(key).digest("hex");
const entry = (name: string, key: string, more: object = {}) => ({ name, key_sha256: sha256(key), ...more });
const write = (...keys: object[]) => writeFileSync(file, JSON.stringify({ keys }));

const server = "mrw_server-key-of-thirty-six-characters";
const page = "mrw_page-key-of-one-origin";
const origin = "https://shop.example";
const entries = [entry("server", server), entry("page", page, { origins: [origin] }), entry("colon", "key:secret")];
write(...entries);

const service = sharedService({ env: { MILLRACE_WRITE_KEYS: file } });

const event = JSON.stringify({ event_name: "keys" });
const sent = (headers: Record<string, string>) => service().request(paths.track, { token: null, headers, body: event });
const basic = (text: string) => ({ authorization: `Basic ${btoa(text)}` });
const bearer = (text: string) => ({ authorization: `Bearer ${text}` });

describe("a key is taken from", () => {
  test.each<[string, Record<string, string>, string]>([
    ["Bearer", bearer(server), "server"],
    ["the user name of Basic", basic(`${server}:`), "server"],
    ["Bearer, as a whole that holds a colon", bearer("key:secret"), "colon"],
    ["Basic with a password", basic(`${server}:password`), "server"],
    ["Basic without a colon", basic(server), "server"],
    ["X-Write-Key", { "x-write-key": server }, "server"],
    ["X-Write-Key, before its first colon", { "x-write-key": `${server}:any:thing` }, "server"],
    ["X-Write-Key, as a whole that holds a colon", { "x-write-key": "key:secret" }, "colon"],
    ["Basic, as a whole that holds a colon", basic("key:secret:"), "colon"],
  ])("%s", async (_where, headers, subject) => {
    const { event_id } = (await (await sent(headers)).json()) as { event_id: string };
    await service().waitSealed();
    expect(await service().rows(`SELECT subject FROM events WHERE event_id = '${event_id}'`)).toEqual([{ subject }]);
  });

  test("and a token in each of these places", async () => {
    const token = service().token({});
    for (const headers of [bearer(token), basic(`${token}:`), { "x-write-key": token }])
      expect((await sent(headers)).status).toBe(200);
  });
});

describe("401 for", () => {
  test.each<[string, Record<string, string>]>([
    ["an unknown key", bearer("mrw_nobody")],
    ["a part of a key", bearer(server.slice(0, -1))],
    ["a key and more", bearer(`${server}x`)],
    ["a key and more behind a colon, as Bearer", bearer(`${server}:x`)],
    ["a key in another case", bearer(server.toUpperCase())],
    ["a key as the password of Basic", basic(`user:${server}`)],
    ["the hash of a key", bearer(sha256(server))],
    ["the name of a key", bearer("server")],
    ["an empty key", { "x-write-key": "" }],
    ["a colon alone", { "x-write-key": ":" }],
    ["a name that objects have by themselves", bearer("__proto__")],
    ["a wrong Authorization beside a right X-Write-Key", { ...bearer("mrw_nobody"), "x-write-key": server }],
    ["a key of more than 8 KB", { "x-write-key": `${server}:${"x".repeat(9_000)}` }],
  ])("%s", async (_what, headers) => {
    await expectRefused(await sent(headers), 401);
  });
});

test("a key may write events, one or a hundred, and nothing else: 403", async () => {
  const body = `{"events":[${event},${event}]}`;
  expect((await service().request(paths.batch, { token: server, body })).status).toBe(200);
  await expectRefused(await service().request(paths.stats, { token: server }), 403);
  for (const path of ["query", "erase", "compact"])
    await expectRefused(await service().request(`/api/v1/analytics/${path}`, { token: server, body: "{}" }), 403);
});

test("the origins of a key are checked when a request has an Origin: 403 from any other", async () => {
  expect((await sent(bearer(page))).status).toBe(200);
  expect((await sent({ ...bearer(page), origin })).status).toBe(200);
  for (const other of ["http://shop.example", "https://shop.example:8443", "https://shop.example.evil", "null", ""])
    await expectRefused(await sent({ ...bearer(page), origin: other }), 403);
  expect((await sent({ ...bearer(server), origin: "https://anywhere.example" })).status).toBe(200);
});

test("a change of the file takes effect within 2 s, also for keys in use; a damaged one changes nothing", async () => {
  const status = async (key: string) => (await sent(bearer(key))).status;
  const becomes = (key: string, expected: number) =>
    until(async () => (await status(key)) === expected, { what: `${expected} for ${key}`, limitMs: 2_000 });
  expect(await status("mrw_later")).toBe(401);
  write(...entries, entry("later", "mrw_later"));
  await becomes("mrw_later", 200);
  write(...entries, entry("later", "mrw_later", { origins: ["https://later.example"] }));
  await until(async () => (await sent({ ...bearer("mrw_later"), origin })).status === 403, {
    what: "the key's new origins",
    limitMs: 2_000,
  });
  writeFileSync(file, '{"keys":[{"name":"later","key_sha256":"mrw_later"}]}');
  const warned = () => service().stderr.includes("key_sha256 must be 64 characters");
  await until(warned, { what: "the warning", limitMs: 2_000 });
  expect(await status("mrw_later")).toBe(200);
  expect(service().stderr).not.toContain("mrw_later");
  write(...entries);
  await becomes("mrw_later", 401);
});

test("a key's name is no subject of a revoked token, and a token of that subject is no key", async () => {
  const token = signToken({ claims: { sub: "server", exp: nowSeconds() + 60 }, secret: "x".repeat(32) });
  await expectRefused(await sent(bearer(token)), 401);
});

describe("a file is refused, by the place of what is wrong", () => {
  const good = { name: "a", key_sha256: sha256("a") };
  test.each<[string, unknown, string]>([
    ["not JSON", undefined, "not JSON"],
    ["keys as names of members", { mrw_secret0123456789: {} }, 'unknown member "mrw_secret01"'],
    ["a list", [], "the file must be an object"],
    ["no keys", {}, 'the file must be {"keys"'],
    ["a member more", { keys: [], key: 1 }, 'the file: unknown member "key"'],
    ["a key that is no object", { keys: [good, "x"] }, "key 2 must be an object"],
    ["a member more of a key", { keys: [{ ...good, origin: [] }] }, 'key 1: unknown member "origin"'],
    ["__proto__", JSON.parse(`{"keys":[{"name":"a","key_sha256":"${sha256("a")}","__proto__":{}}]}`), "__proto__"],
    ["no name", { keys: [{ key_sha256: sha256("a") }] }, "key 1: name"],
    ["an empty name", { keys: [{ ...good, name: " " }] }, "key 1: name"],
    ["a name with a line break", { keys: [{ ...good, name: "a\nb" }] }, "key 1: name"],
    ["a name that is too long", { keys: [{ ...good, name: "x".repeat(201) }] }, "key 1: name"],
    ["a hash in capitals", { keys: [{ ...good, key_sha256: sha256("a").toUpperCase() }] }, "key 1: key_sha256"],
    ["a key in the place of its hash", { keys: [{ ...good, key_sha256: "mrw_secret" }] }, "key 1: key_sha256"],
    ["an origin with a path", { keys: [{ ...good, origins: ["https://a.example/x"] }] }, "key 1: origins"],
    ["an origin *", { keys: [{ ...good, origins: ["*"] }] }, "key 1: origins"],
    ["origins that are no list", { keys: [{ ...good, origins: "https://a.example" }] }, "key 1: origins"],
    ["a rate below zero", { keys: [{ ...good, rate: -1 }] }, "key 1: rate"],
    ["a rate that nobody can wait for", { keys: [{ ...good, rate: 5e-324 }] }, "key 1: rate"],
    ["a rate as a string", { keys: [{ ...good, rate: "5" }] }, "key 1: rate"],
    ["a name twice", { keys: [good, { ...good, key_sha256: sha256("b") }] }, "name"],
    ["a key twice", { keys: [good, { ...good, name: "b" }] }, "key_sha256"],
  ])("%s", (_what, value, problem) => {
    const text = value === undefined ? '{"keys":[mrw_secret]}' : JSON.stringify(value);
    expect(() => parseWriteKeyFile(text)).toThrow(problem);
    expect(() => parseWriteKeyFile(text)).not.toThrow(/mrw_secret(?!01")/);
  });

  test("and with all members it is taken", () => {
    const keys = [
      { ...good, origins: [origin, "http://localhost:8080"], rate: 0.5 },
      { ...entry("b", "b"), rate: 0 },
    ];
    expect(parseWriteKeyFile(JSON.stringify({ keys }))).toEqual(keys);
    expect(parseWriteKeyFile('{"keys":[]}')).toEqual([]);
  });
});
