/** The client that the service itself serves, in a real Chromium, on pages of another origin. */
import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "puppeteer-core";
import { type Fault, launchBrowser, pageKey, servePages, startProxy, writePageKey } from "../support/browser.ts";
import { paths, type Service, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const folder = mkdtempSync(join(tmpdir(), "millrace-client-page-"));

let service: Service;
let browser: Browser;
let pages: Bun.Server<undefined>;
let proxy: Bun.Server<undefined>;
let fault: Fault;
/** Names of events, in the order in which the proxy saw them. */
let seen: string[] = [];

const passAll: Fault = (_, pass) => pass();

/** As of a proxy whose server is away: without headers for CORS, so that a page sees a failure of the network. */
const unavailable: Fault = async () => new Response("", { status: 503 });

/** The same, after the browser was told that the page may post. */
const postsFail: Fault = (request, pass) => (request.method === "POST" ? unavailable(request, pass) : pass());

beforeAll(async () => {
  // The name of a page's path says what the client is made with.
  pages = servePages(
    (path) => `<script type="module">
      import { createClient } from "${service.url}/millrace.js";
      const outbox = "${path}".startsWith("/outbox") ? "localStorage" : undefined;
      globalThis.client = createClient({ url: "http://127.0.0.1:${proxy.port}", token: "${pageKey}", outbox });
    </script>`,
  );
  const origin = `http://127.0.0.1:${pages.port}`;
  const keyFile = join(folder, "keys.json");
  writePageKey(keyFile, origin);
  service = await startService({ env: { MILLRACE_WRITE_KEYS: keyFile, MILLRACE_CORS_ORIGINS: origin } });
  proxy = startProxy(
    () => service.url,
    () => async (request, pass) => {
      if (request.method === "POST" && request.path === paths.batch) {
        const { events } = JSON.parse(new TextDecoder().decode(request.body));
        seen.push(...events.map((event: { event_name: string }) => event.event_name));
      }
      return await fault(request, pass);
    },
  );
  browser = await launchBrowser();
});

beforeEach(() => {
  fault = passAll;
  seen = [];
});

afterAll(async () => {
  await browser.close();
  await Promise.all([pages.stop(true), proxy.stop(true)]);
  await service[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** Opens a page and waits until its client is there. `where`: a profile without the memory of the others. */
async function open(path: string, where: Pick<BrowserContext, "newPage"> = browser): Promise<Page> {
  const page = await where.newPage();
  await page.goto(`http://127.0.0.1:${pages.port}${path}`);
  await page.waitForFunction("'client' in globalThis");
  return page;
}

/** Waits until as many events of this name are stored, and gives how many are, with different ids. */
async function stored(name: string, count: number): Promise<number> {
  let found = 0;
  const look = async () => {
    await service.waitSealed();
    found = await service.count(`event_name = '${name}'`);
    return found >= count;
  };
  await until(look, {
    what: `${count} events ${name}`,
    limitMs: 15_000,
    everyMs: 100,
    state: () => `${found} stored, ${seen.length} seen`,
  });
  return found;
}

test("track, page and identify are stored with the page, the visitor and the user, who stay across a reload", async () => {
  const page = await open("/shop");
  await page.evaluate(`client.page(); client.track("seen", { n: 1 }); client.identify("ida"); client.flush()`);
  await page.goto(`http://127.0.0.1:${pages.port}/cart`);
  await page.waitForFunction("'client' in globalThis");
  expect(await page.evaluate(`client.page(); client.track("seen"); client.flush()`)).toEqual({ sent: 2, dropped: 0 });
  await page.close();
  expect(await stored("seen", 2)).toBe(2);
  expect(await service.count("anonymous_id IS NOT NULL AND subject = 'web'")).toBe(5);
  expect(
    await service.rows("SELECT count(DISTINCT anonymous_id)::INTEGER AS ids, max(user_id) AS person FROM events"),
  ).toEqual([{ ids: 1, person: "ida" }]);
  const views = await service.rows(
    "SELECT parse_path(page_url)[-1] AS at FROM events WHERE category = 'page_view' ORDER BY timestamp",
  );
  expect(views).toEqual([{ at: "shop" }, { at: "cart" }]);
});

test("a page that is closed right after track has sent its events, many small ones too", async () => {
  // A new profile has not asked yet whether the page may post: that request comes after the page, too.
  const profile = await browser.createBrowserContext();
  const page = await open("/leaving", profile);
  await page.evaluate(`for (let n = 0; n < 250; n += 1) client.track("left", { n })`);
  await page.close({ runBeforeUnload: true });
  expect(await stored("left", 250)).toBe(250);
  await profile.close();
});

test("a page that is left for another one has sent its events", async () => {
  const page = await open("/leaving");
  await page.evaluate(`client.track("moved"); location.href = "/next"`);
  expect(await stored("moved", 1)).toBe(1);
  await page.close();
});

test("a server that is away and comes back gets every event, once", async () => {
  fault = postsFail;
  const page = await open("/away");
  await page.evaluate(`for (let n = 0; n < 60; n += 1) client.track("kept", { n })`);
  await until(() => seen.length >= 60, { what: "a request that fails", limitMs: 10_000 });
  fault = unavailable;
  await service.kill9();
  await service.restart();
  fault = passAll;
  expect(await page.evaluate("client.flush()")).toEqual({ sent: 60, dropped: 0 });
  expect(await stored("kept", 60)).toBe(60);
  await page.close();
});

test("what a closed page left in localStorage is claimed by one page at the next load, and stored once", async () => {
  fault = postsFail;
  const closed = await open("/outbox");
  await closed.evaluate(`for (let n = 0; n < 5; n += 1) client.track("left over", { n })`);
  await closed.close({ runBeforeUnload: true });
  await until(() => seen.length >= 5, { what: "the last request of the closed page", limitMs: 10_000 });
  fault = passAll;
  seen = [];
  const next = await open("/outbox/next");
  expect(await next.evaluate("client.flush()")).toEqual({ sent: 5, dropped: 0 });
  const third = await open("/outbox/third");
  expect(await third.evaluate("client.flush()")).toEqual({ sent: 0, dropped: 0 });
  expect(seen).toEqual(Array.from({ length: 5 }, () => "left over"));
  expect(await stored("left over", 5)).toBe(5);
  await Promise.all([next.close(), third.close()]);
});

test("who opts out stays out after a reload, and nothing of them is kept but the choice", async () => {
  const page = await open("/outbox/choice");
  await page.evaluate(`client.track("before"); client.optOut(); client.track("after")`);
  await page.reload();
  await page.waitForFunction("'client' in globalThis");
  expect(await page.evaluate(`client.track("after"); client.flush()`)).toEqual({ sent: 0, dropped: 1 });
  expect(await page.evaluate("Object.values(localStorage)")).toEqual(['{"opted_out":true}']);
  expect(await page.evaluate(`client.optIn(); client.track("again"); client.flush()`)).toEqual({ sent: 1, dropped: 0 });
  expect(await stored("again", 1)).toBe(1);
  expect(seen).toEqual(["again"]);
  await page.close();
});
