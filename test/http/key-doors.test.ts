/** What a write key brings along: pages that may use it, and a rate of its own. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expectRefused } from "../support/refusals.ts";
import { paths, sharedService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const folder = mkdtempSync(join(tmpdir(), "millrace-doors-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, "keys.json");

const [shop, blog, evil] = ["https://shop.example", "https://blog.example", "https://evil.example"];
const key = "mrw_key-of-two-pages-with-a-rate";

function write(origins: readonly string[]): void {
  const key_sha256 = createHash("sha256").update(key).digest("hex");
  writeFileSync(`${file}.new`, JSON.stringify({ keys: [{ name: "web", key_sha256, origins, rate: 1 }] }));
  renameSync(`${file}.new`, file);
}
write([shop, blog]);

const service = sharedService({ env: { MILLRACE_WRITE_KEYS: file } });

const preflight = (origin: string) =>
  service().request(paths.batch, {
    method: "OPTIONS",
    token: null,
    headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "x-write-key" },
  });

const sent = (origin: string, events: number) =>
  service().request(paths.batch, {
    token: null,
    headers: { origin, "x-write-key": key },
    body: JSON.stringify({ events: Array.from({ length: events }, () => ({ event_name: "page" })) }),
  });

const allowedOrigin = ({ headers }: Response) => headers.get("access-control-allow-origin");

test("its pages pass preflights, and others do not", async () => {
  for (const origin of [shop, blog]) {
    const answer = await preflight(origin);
    expect([answer.status, allowedOrigin(answer)]).toEqual([204, origin]);
    expect(answer.headers.get("access-control-allow-headers")).toBe("x-write-key");
  }
  const other = await preflight(evil);
  expect([other.status, allowedOrigin(other)]).toEqual([405, null]);
});

test("its rate is that of its events, and a page can read how much is left; tokens have no limit here", async () => {
  const stored = await sent(shop, 100);
  expect([stored.status, allowedOrigin(stored)]).toEqual([200, shop]);
  expect(stored.headers.get("ratelimit-policy")).toBe('"events";q=1;w=1');
  const limited = await sent(shop, 1);
  expect([allowedOrigin(limited), limited.headers.get("access-control-expose-headers")]).toEqual([
    shop,
    "Retry-After, RateLimit, RateLimit-Policy",
  ]);
  await expectRefused(limited, 429);
  const other = await service().request(paths.track, { body: '{"event_name":"token"}' });
  expect([other.status, other.headers.get("ratelimit")]).toEqual([200, null]);
});

test("a page of another origin that has the key is refused, and cannot read why", async () => {
  const refused = await sent(evil, 1);
  expect(allowedOrigin(refused)).toBeNull();
  await expectRefused(refused, 403);
});

test("a page that is taken out of the file is out within 2 s", async () => {
  write([blog]);
  await until(async () => (await preflight(shop)).status === 405, { what: "the end of the page", limitMs: 10_000 });
  expect((await preflight(blog)).status).toBe(204);
});
