/** The page at `/`, in a real Chromium, against a real service. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type Static, Type } from "@sinclair/typebox";
import type { Browser, Page } from "puppeteer-core";
import { overviewQuestions } from "../../src/page/questions.ts";
import { spanOf } from "../../src/page/state/span.ts";
import { shaped } from "../support/answers.ts";
import { launchBrowser, startProxy } from "../support/browser.ts";
import { enterToken, faultsOfAxe, goTo, hidesText, showsText } from "../support/page.ts";
import { paths, type Service, startService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

let service: Service;
let browser: Browser;
/** In front of the service, so that the page's address outlives a restart. */
let proxy: Bun.Server<undefined>;
let address: string;
let page: Page;
/** What the browser asked for, and what went wrong in it. */
const asked: string[] = [];
const faults: string[] = [];

beforeAll(async () => {
  service = await startService();
  proxy = startProxy(
    () => service.url,
    // As a proxy answers for a server that is away.
    () => (_request, pass) => pass().catch(() => new Response("<h1>Bad Gateway</h1>", { status: 502 })),
  );
  address = `http://127.0.0.1:${proxy.port}/`;
  browser = await launchBrowser();
  page = await browser.newPage();
  page.on("request", (request) => asked.push(request.url()));
  page.on("pageerror", (error) => faults.push(String(error)));
});

afterAll(async () => {
  await browser.close();
  await proxy.stop(true);
  await service[Symbol.asyncDispose]();
});

const rowsSchema = Type.Object({ rows: Type.Array(Type.Array(Type.Unknown())) });

/** Waits until the page shows this. */
const shows = (text: string) => showsText(page, text);

test("all files together are under 150 KB as gzip, and a browser that has one in its coding gets 304", async () => {
  const get = (path: string, headers: Record<string, string>) => service.request(path, { token: null, headers });
  let bytes = 0;
  for (const path of ["/", "/page/page.css", "/page/page.js", "/page/icon.svg"]) {
    const tags = new Set<string>();
    for (const coding of ["gzip", "identity"]) {
      const accepts = { "accept-encoding": coding };
      const answer = await get(path, accepts);
      expect(answer.status).toBe(200);
      expect(answer.headers.get("content-encoding") ?? "identity").toBe(coding);
      if (coding === "gzip") bytes += Bun.gzipSync(await answer.arrayBuffer()).byteLength;
      const etag = answer.headers.get("etag") ?? "";
      tags.add(etag);
      // A proxy that compresses has made the second one weak.
      for (const known of [etag, `"other", W/${etag}`]) {
        const again = await get(path, { ...accepts, "if-none-match": known });
        expect([again.status, again.headers.get("etag"), again.headers.get("vary")]).toEqual([
          304,
          etag,
          "accept-encoding",
        ]);
      }
    }
    expect(tags.size).toBe(2);
  }
  expect(bytes).toBeLessThan(150_000);
});

test("a wrong token is refused with the service's reason, and a good one opens the page", async () => {
  await page.goto(address);
  await enterToken(page, "nonsense");
  await shows("The service refused this token");
  expect(await faultsOfAxe(page)).toEqual([]);
  await page.goto(`${address}#/live`);
  await enterToken(page, service.token({ scope: "stats:read" }));
  await shows("The token lacks the scope query. Forget this token, and paste one that has it.");
  await hidesText(page, "trying again");
  await goTo(page, "overview");
  await shows("No event has arrived yet");
  await page.evaluate(
    "[...document.querySelectorAll('button')].find((b) => b.innerText === 'Forget the token').click()",
  );
  // What the token before might see is not shown to this one.
  await enterToken(page, service.token({ scope: "query" }));
  await shows("The token lacks the scope stats:read");
  await hidesText(page, "No event has arrived yet");
  await page.evaluate(
    "[...document.querySelectorAll('button')].find((b) => b.innerText === 'Forget the token').click()",
  );
  await enterToken(page, service.token({ scope: "stats:read query" }));
  await shows("No event has arrived yet");
  expect(await faultsOfAxe(page)).toEqual([]);
});

test("a first event shows by itself, with its name and the SQL behind each figure", async () => {
  await service.track({ event_name: "signup", category: "auth" });
  await shows("Events by category");
  await shows("signup");
  await shows("median length");
  // One category has its name, too; without a session there is no share of them.
  expect(await page.$$eval(".legend li", (names) => names.map((name) => name.textContent))).toContain("auth1");
  expect(await page.$$eval("dd", (numbers) => numbers.map((number) => number.textContent))).toContain("–");
  await page.click("button[aria-label='SQL of Events']");
  await shows("SELECT event_name");
  expect(await faultsOfAxe(page)).toEqual([]);
  await page.click(".sql a");
  await shows("Run");
  expect(new URL(page.url()).hash).toStartWith("#/sql?q=SELECT");
});

test("a service that is gone is said in a line; figures stay, and go on once it is back", async () => {
  await goTo(page, "overview");
  await shows("signup");
  await service.stop();
  await shows("The service has not answered since");
  await shows("signup");
  await goTo(page, "health");
  await shows("old · as of");
  await service.restart();
  await hidesText(page, "has not answered");
  await hidesText(page, "old · as of");
});

test("an event shows live, once, and the tail goes on by itself after the service was gone", async () => {
  await goTo(page, "live");
  await shows("following");
  await service.track({ event_name: "seen_live", user_id: "ada", properties: { plan: "pro" } });
  await shows("seen_live");
  await service.kill9();
  await shows("trying again");
  await service.restart();
  await service.track({ event_name: "seen_after", user_id: "ada" });
  await shows("seen_after");
  expect(await page.evaluate("document.body.innerText.split('seen_live').length - 1")).toBe(1);
});

test("a person's events are shown to who has the scope", async () => {
  await goTo(page, "people");
  await page.waitForSelector("td a");
  await page.click("td a");
  await shows("seen_live");
  await shows("seen_after");
  await page.click("button[aria-label='SQL of ada']");
  await shows("person_events('ada')");
  expect(await faultsOfAxe(page)).toEqual([]);
});

test.each([
  ["24h", "UTC"],
  ["7d", "Asia/Kolkata"],
  ["30d", "Europe/Berlin"],
] as const)("what the overview asks of the last %s in %s is answered, and counts every event", async (range, zone) => {
  const span = spanOf(range, zone, Date.now());
  const token = service.token({ scope: "query" });
  const answers: Static<typeof rowsSchema>["rows"][] = [];
  for (const question of overviewQuestions) {
    const body = JSON.stringify({ sql: question(span) });
    const answer = await service.request("/api/v1/analytics/query", { token, body });
    answers.push(shaped(rowsSchema, await answer.json()).rows);
  }
  const [overTime = [], [visits] = [], names = []] = answers;
  const { total_events } = await service.stats();
  const sum = (rows: readonly (readonly unknown[])[], column: number) =>
    rows.reduce((total, row) => total + Number(row[column]), 0);
  expect(sum(overTime, 2)).toBe(total_events);
  expect(sum(names, 1)).toBe(total_events);
  expect(overTime.every(([bucket]) => span.buckets.includes(Date.parse(String(bucket))))).toBe(true);
  // Ada, and the first event of nobody.
  expect(visits?.[2]).toBe(1);
});

test.each(["live", "people", "health"])("axe finds nothing in the view %s", async (view) => {
  await goTo(page, view);
  await page.waitForSelector(".figure");
  expect(await faultsOfAxe(page)).toEqual([]);
});

test("nothing was asked of another host, no token stood in an address, and nothing failed", () => {
  expect(asked.filter((url) => !url.startsWith(address) && !url.startsWith("data:"))).toEqual([]);
  expect(asked.filter((url) => url.includes("eyJ"))).toEqual([]);
  expect(faults).toEqual([]);
  expect(asked.some((url) => url.endsWith(paths.stats))).toBe(true);
});
