/** Other vendors' browser SDKs, unmodified from npm, in a real Chromium on a page of another origin. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "puppeteer-core";
import { type Fault, launchBrowser, pageKey, servePages, startProxy, writePageKey } from "../support/browser.ts";
import { repoRoot } from "../support/process.ts";
import { type Service, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const folder = mkdtempSync(join(tmpdir(), "millrace-browser-"));
const keyFile = join(folder, "keys.json");

let service: Service;
let browser: Browser;
/** The page's own server, and a proxy in front of the service, whose address stays the same across restarts. */
let pages: Bun.Server<undefined>;
let proxy: Bun.Server<undefined>;
let fault: Fault = (_, pass) => pass();

beforeAll(async () => {
  const built = await Bun.build({ entrypoints: [join(repoRoot, "test/sdks/page.ts")], target: "browser" });
  const [script] = built.outputs;
  if (script === undefined) throw new Error("the page was not built");
  pages = servePages((path) => (path.endsWith(".js") ? script : '<script type="module" src="/page.js"></script>'));
  const origin = `http://127.0.0.1:${pages.port}`;
  writePageKey(keyFile, origin);
  service = await startService({ env: { MILLRACE_WRITE_KEYS: keyFile, MILLRACE_CORS_ORIGINS: origin } });
  proxy = startProxy(
    () => service.url,
    () => fault,
  );
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser.close();
  await Promise.all([pages.stop(true), proxy.stop(true)]);
  await service[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/**
 * Opens a page that sends three events with each SDK, waits until all are stored, and returns how often each is. The
 * service is asked only once `isUp` says that it runs.
 */
async function sentBy(
  prefix: string,
  sdks: readonly string[],
  isUp: Promise<void> = Promise.resolve(),
): Promise<Record<string, number>> {
  const names = Object.fromEntries(sdks.map((sdk) => [sdk, [0, 1, 2].map((index) => `${prefix}.${sdk}.${index}`)]));
  const page = await browser.newPage();
  const said: string[] = [];
  page.on("console", (message) => said.push(message.text()));
  page.on("pageerror", (error) => said.push(String(error)));
  await page.goto(`http://127.0.0.1:${pages.port}/`);
  await page.waitForFunction("'sendAll' in globalThis");
  await page.evaluate(`sendAll("http://127.0.0.1:${proxy.port}", "${pageKey}", ${JSON.stringify(names)})`);
  const stored = async () => {
    await service.waitSealed();
    const where = `starts_with(event_name, '${prefix}.')`;
    const rows = await service.rows(
      `SELECT event_name, count(*)::INTEGER AS n FROM events WHERE ${where} GROUP BY ALL`,
    );
    return Object.fromEntries(rows.map(({ event_name, n }) => [String(event_name), Number(n)]));
  };
  await isUp;
  let found: Record<string, number> = {};
  await until(
    async () => {
      found = await stored();
      return Object.keys(found).length === sdks.length * 3;
    },
    { what: "every event to be stored", limitMs: 15_000, everyMs: 200, state: () => JSON.stringify([found, said]) },
  );
  await page.close();
  return await stored();
}

/** Each event of these SDKs, once. */
const once = (prefix: string, sdks: readonly string[]) =>
  Object.fromEntries(sdks.flatMap((sdk) => [0, 1, 2].map((index) => [`${prefix}.${sdk}.${index}`, 1])));

test("every event of every SDK is stored once, with the page and the device", async () => {
  const all = ["segment", "rudder", "posthog", "jitsu"];
  expect(await sentBy("plain", all)).toEqual(once("plain", all));
  const lacking = `subject <> 'web' OR anonymous_id IS NULL OR page_url IS NULL OR user_agent IS NULL`;
  expect(await service.rows(`SELECT event_name FROM events WHERE ${lacking}`)).toEqual([]);
});

test("first refused, then stored with a lost answer and a killed service: once, all the same", async () => {
  const retrying = ["segment", "rudder", "posthog"];
  const attempts = new Map<string, number>();
  const restarted = Promise.withResolvers<void>();
  let isKilled = false;
  fault = async ({ method, path }, pass) => {
    const attempt = (attempts.get(`${method} ${path}`) ?? 0) + 1;
    attempts.set(`${method} ${path}`, attempt);
    const origin = `http://127.0.0.1:${pages.port}`;
    const headers = { "access-control-allow-origin": origin, "access-control-allow-credentials": "true" };
    const takesEvents = method === "POST" && /^\/(v1|e)\//.test(path);
    if (takesEvents && attempt === 1) return new Response("{}", { status: 503, headers });
    if (takesEvents && !isKilled) {
      isKilled = true;
      expect((await pass()).status).toBe(200);
      restarted.resolve(service.kill9().then(() => service.restart()));
      return new Response("{}", { status: 503, headers });
    }
    if (isKilled) await restarted.promise;
    return await pass();
  };
  expect(await sentBy("faults", retrying, restarted.promise)).toEqual(once("faults", retrying));
});
