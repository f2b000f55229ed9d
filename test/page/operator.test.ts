/** What an operator sees in the page when things go wrong, in a real Chromium: behind a proxy with a prefix. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "puppeteer-core";
import { type Fault, launchBrowser, startProxy } from "../support/browser.ts";
import { enterToken, faultsOfAxe, goTo, hidesText, showsText } from "../support/page.ts";
import { temporaryFolder } from "../support/rows.ts";
import { type Service, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const alerts = temporaryFolder();
const receiver = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("ok") });
let service: Service;
let browser: Browser;
let proxy: Bun.Server<undefined>;
let page: Page;
const faults: string[] = [];

const passed: Fault = (_request, pass) => pass();
let fault = passed;

beforeAll(async () => {
  const webhook = receiver.url.origin;
  const alert = { sql: "SELECT sum(CAST(properties->>'change' AS INT)) FROM events", above: 0, every: "1s", webhook };
  writeFileSync(join(alerts.path, "failures.json"), JSON.stringify(alert));
  service = await startService({
    env: { MILLRACE_ALERTS: alerts.path, MILLRACE_QUERY_MEMORY_MIB: "512", MILLRACE_QUERY_ROWS: "400000" },
  });
  // As nginx's `location /shop/ { proxy_pass http://…/; }` passes it on.
  proxy = startProxy(
    () => service.url,
    () => (request, pass) => fault(request, pass),
    "/shop",
  );
  browser = await launchBrowser();
  page = await browser.newPage();
  page.on("pageerror", (error) => faults.push(String(error)));
});

afterAll(async () => {
  await browser.close();
  await proxy.stop(true);
  await receiver.stop(true);
  await service[Symbol.asyncDispose]();
  alerts[Symbol.dispose]();
});

const shows = (text: string) => showsText(page, text);

/** Writes a statement over the last one and runs it. */
async function run(sql: string): Promise<void> {
  await page.$eval("textarea", (field) => Reflect.apply(Reflect.get(field, "select"), field, []));
  await page.keyboard.type(sql);
  await page.keyboard.down("Control");
  await page.keyboard.press("Enter");
  await page.keyboard.up("Control");
}

/** The colour behind an element that is seen. */
const groundOf = (selector: string) =>
  page.$eval(selector, (element) => String(Reflect.get(globalThis, "getComputedStyle")(element).backgroundColor));

test("under a prefix the page works with the final slash, and says what is missing without it", async () => {
  await page.goto(`http://127.0.0.1:${proxy.port}/shop`);
  await shows("the address of the page ends with a slash");
  await page.goto(`http://127.0.0.1:${proxy.port}/shop/`);
  await enterToken(page, service.token({ scope: "stats:read query" }));
  await shows("No event has arrived yet");
  await hidesText(page, "ends with a slash");
  // The line to paste names the prefix, too.
  await shows(`http://127.0.0.1:${proxy.port}/shop/api/v1/analytics`);
});

test("an alert is seen in every view when it fires and until it recovers, and in Health with its value", async () => {
  await goTo(page, "health");
  await shows("failures");
  await service.batch(Array(7).fill({ event_name: "failed", properties: { change: 1 } }));
  await shows("1 alert is firing");
  await page.waitForSelector("tr .dot.firing");
  expect(await page.$eval("section[aria-labelledby=alerts] tbody tr", (row) => row.textContent)).toStartWith(
    "failuresfiring7",
  );
  expect(await groundOf(".pulse .dot.firing")).not.toBe(await groundOf(".pulse .dot.ok"));
  expect(await faultsOfAxe(page)).toEqual([]);
  await goTo(page, "people");
  await shows("1 alert is firing");
  await page.click(".pulse .dot.firing");
  await page.waitForSelector("#alerts");
  await service.track({ event_name: "mended", properties: { change: -7 } });
  await hidesText(page, "1 alert is firing");
  await page.waitForSelector("tr .dot.resolved");
});

test("a statement that is refused, too large or broken off is told with what to do, and the next one is answered", async () => {
  await goTo(page, "sql");
  await page.waitForSelector(".catalog summary");
  await run("DROP TABLE events");
  await shows("Only a SELECT can be run");
  await run("SELECT list(i) FROM range(200000000) AS t(i)");
  await shows("raise MILLRACE_QUERY_MEMORY_MIB");
  // The page reads the first rows alone; the file reads until the service ends it.
  await run("SELECT i, hash(i) AS h FROM range(500000) AS t(i)");
  await shows("First 10,000 rows, there are more");
  await page.click(".csv button");
  await page.waitForSelector(".csv .bad");
  await shows("it met the service's limit of rows, memory or time");
  await run("SELECT 'answered' AS word");
  await page.waitForSelector("td[title=answered]");
});

test("a service that goes away in the middle of an answer leaves the rows that came, and says so", async () => {
  const cut = Promise.withResolvers<void>();
  fault = async ({ path }, pass) => {
    const answer = await pass();
    if (!path.endsWith("/query")) return answer;
    return new Response(halfOf(await answer.text(), cut.promise), { headers: { "content-type": "application/json" } });
  };
  // The connection fails once the half has come.
  const browserSees = await page.createCDPSession();
  await browserSees.send("Network.enable");
  browserSees.on("Network.dataReceived", ({ dataLength }) => dataLength > 10_000 && cut.resolve());
  await run("SELECT i FROM range(10000) AS t(i)");
  await shows("The answer broke off");
  await page.waitForSelector("td[title='3']");
  await browserSees.detach();
  // It fails before any of it has come.
  fault = async ({ path }, pass) =>
    path.endsWith("/query") ? new Response(halfOf("", Promise.resolve())) : await pass();
  await run("SELECT 0");
  await shows("The service did not answer. Run the statement again once it is back.");
  fault = passed;
  await run("SELECT 'back' AS word");
  await page.waitForSelector("td[title=back]");
});

/** The first half of an answer, and then a connection that fails. */
const halfOf = (text: string, cut: Promise<void>) =>
  new ReadableStream({
    start: (stream) => {
      if (text !== "") stream.enqueue(new TextEncoder().encode(text.slice(0, text.length / 2)));
    },
    pull: async (stream) => {
      await cut;
      stream.error(new Error("cut off"));
    },
  });

test("a question that the service has no room for says so, and is asked again by itself", async () => {
  let isFull = true;
  fault = async ({ path }, pass) =>
    path.endsWith("/query") && isFull
      ? Response.json({ detail: "As many queries run as may run at once" }, { status: 429 })
      : pass();
  await run("SELECT 'in turn' AS word");
  await shows("As many queries run as may run at once. The page tries again by itself.");
  isFull = false;
  await page.waitForSelector("td[title='in turn']");
  await hidesText(page, "tries again");
  fault = passed;
});

/** A tab in which long waits of the page are twenty times as short. */
async function quickTab(): Promise<Page> {
  const tab = await browser.newPage();
  tab.on("pageerror", (error) => faults.push(String(error)));
  await tab.evaluateOnNewDocument(`{
    const { setInterval: each, setTimeout: once } = globalThis, { timeout } = AbortSignal;
    globalThis.setInterval = (work, ms) => each(work, ms >= 10_000 ? ms / 20 : ms);
    globalThis.setTimeout = (work, ms) => once(work, ms >= 40_000 ? ms / 20 : ms);
    AbortSignal.timeout = (ms) => Reflect.apply(timeout, AbortSignal, [ms / 20]);
  }`);
  return tab;
}

test("a service that stands still is gone: that can be read, no question waits for it, and all goes on after", async () => {
  const slow = await quickTab();
  await slow.goto(`http://127.0.0.1:${proxy.port}/shop/#/people`);
  await enterToken(slow, service.token({ scope: "stats:read query" }));
  await showsText(slow, "Nobody in this time range");
  const ended = Promise.withResolvers<void>();
  fault = async (_request, pass) => {
    await ended.promise;
    return await pass();
  };
  await goTo(slow, "sql");
  await slow.waitForSelector("textarea");
  await slow.click("button.main");
  await showsText(slow, "The service has not answered since");
  await showsText(slow, "The service did not answer. Run the statement again once it is back.");
  expect(await faultsOfAxe(slow)).toEqual([]);
  ended.resolve();
  fault = passed;
  await hidesText(slow, "has not answered");
  await slow.click("button.main");
  await slow.waitForSelector("td[title=failed]");
  // A stream that is dead without saying so: the tail asks for another one.
  let streams = 0;
  fault = async ({ path }, pass) =>
    path.endsWith("/tail") && streams++ === 0
      ? new Response(new ReadableStream(), { headers: { "content-type": "text/event-stream" } })
      : pass();
  await goTo(slow, "live");
  await showsText(slow, "trying again");
  await showsText(slow, "following");
  // This tab gives up every stream soon, and events between two streams are not shown.
  await until(
    async () => {
      await service.track({ event_name: "after_silence" });
      return await slow.evaluate("document.body.innerText.includes('after_silence')");
    },
    { what: "an event of the next stream", limitMs: testMsMax, everyMs: 200 },
  );
  fault = passed;
  await slow.close();
});

test("a page for logging in, in place of the service, is no answer; all goes on after it", async () => {
  await goTo(page, "overview");
  await shows("Events by category");
  fault = async () => new Response("<h1>Log in</h1>", { headers: { "content-type": "text/html" } });
  await shows("The service has not answered since");
  fault = passed;
  await hidesText(page, "has not answered");
  await service.track({ event_name: "after_login" });
  const { total_events } = await service.stats();
  await page.waitForFunction(`document.querySelector('.now dl').innerText.includes('${total_events}\\nevents in all')`);
});

test("nothing failed in the page", () => {
  expect(faults).toEqual([]);
});
