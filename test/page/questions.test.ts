/** The views SQL, Funnel and Retention, in a real Chromium, against a real service. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "puppeteer-core";
import { launchBrowser } from "../support/browser.ts";
import { enterToken, faultsOfAxe, goTo, showsText } from "../support/page.ts";
import { temporaryFolder } from "../support/rows.ts";
import { type Service, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

let service: Service;
let browser: Browser;
let page: Page;
/** Statements that the page sent, and what went wrong in it. */
const statements: string[] = [];
const faults: string[] = [];

/**
 * Ten people open, six of them add a minute later, three of those buy two minutes later. Two more visit the day before,
 * and one of them comes back.
 */
const people = Array.from({ length: 10 }, (_, person) => person);
const startMs = Date.now() - 3_600_000;
const act = (name: string, person: number, afterMs: number) => ({
  event_name: name,
  user_id: `person ${person}`,
  timestamp: new Date(startMs + afterMs).toISOString(),
  properties: { plan: person % 2 === 0 ? "it's pro" : "free" },
});

beforeAll(async () => {
  service = await startService();
  await service.batch([
    ...people.map((person) => act("open", person, 0)),
    ...people.slice(0, 6).map((person) => act("add", person, 60_000)),
    ...people.slice(0, 3).map((person) => act("buy", person, 180_000)),
    act("visit", 10, -86_400_000),
    act("visit", 11, -86_400_000),
    act("visit", 10, 0),
  ]);
  browser = await launchBrowser();
  page = await browser.newPage();
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("request", (request) => {
    const sent = request.postData();
    if (sent !== undefined) statements.push(String(JSON.parse(sent).sql));
  });
  await page.goto(`${service.url}/#/sql`);
  await enterToken(page, service.token({ scope: "stats:read query" }));
});

afterAll(async () => {
  await browser.close();
  await service[Symbol.asyncDispose]();
});

const shows = (text: string) => showsText(page, text);

/** Waits until the page has an element like this. */
const has = (selector: string) => page.waitForSelector(selector, { timeout: testMsMax });

/** Strings of all elements like this. */
const textsOf = (selector: string): Promise<string[]> =>
  page.$$eval(selector, (elements) => elements.map((element) => element.textContent ?? ""));

async function press(keys: string): Promise<void> {
  const names = keys.split("+");
  const last = names.pop();
  for (const name of names) await page.keyboard.down(keyOf(name));
  if (last !== undefined) await page.keyboard.press(keyOf(last));
  for (const name of names.reverse()) await page.keyboard.up(keyOf(name));
}

const keyNames = ["Control", "Alt", "Enter", "Tab", "Escape", "Space", "ArrowUp", "ArrowDown", "KeyA"] as const;

function keyOf(name: string): (typeof keyNames)[number] {
  const key = keyNames.find((known) => known === name);
  if (key === undefined) throw new Error(`${name} is not a key of these tests`);
  return key;
}

/** Writes a statement over the last one and runs it. */
async function run(sql: string): Promise<void> {
  await page.focus("textarea");
  await press("Control+KeyA");
  await page.keyboard.type(sql);
  await press("Control+Enter");
}

/** Presses Tab until the button with this name has the focus. */
async function tabTo(name: string): Promise<void> {
  await until(
    async () => {
      await press("Tab");
      return (await page.evaluate("document.activeElement.textContent")) === name;
    },
    { what: `the focus on ${name}`, limitMs: testMsMax, everyMs: 1 },
  );
}

test("a statement is completed from the catalog, run by the keyboard, and plotted", async () => {
  await has(".catalog summary");
  await page.focus("textarea");
  await press("Control+KeyA");
  await page.keyboard.type("SELECT hour, event_name, ev");
  // The columns are those of `events`, until a table is named.
  await has("[role=option]");
  expect(await textsOf("[role=option] .label")).toEqual(["event_id", "event_name"]);
  await press("Escape");
  await page.keyboard.type("ents FROM events_");
  await has("[role=option][aria-selected=true]");
  expect(await page.evaluate("document.activeElement.getAttribute('aria-activedescendant')")).toBe("suggestion-0");
  await press("Enter");
  expect(await page.$eval("textarea", (field) => Reflect.get(field, "value"))).toEndWith(" FROM events_hourly");
  await page.keyboard.type(" WHERE event_name <> 'visit' UNION ALL SELECT now(), 'open', 1 ORDER BY 1");
  await press("Control+Enter");
  await has(".outcome .plot canvas");
  expect((await textsOf(".legend li")).slice(0, 3)).toEqual(["open", "add", "buy"]);
  expect(await textsOf(".outcome h2")).toEqual(["4 rows"]);
  expect(await faultsOfAxe(page)).toEqual([]);
});

test("an error is shown at its place", async () => {
  await run("SELECT event_name,\n  nonsense\nFROM events");
  await shows("Line 2:");
  await shows(`"nonsense"`);
  expect(await textsOf(".paint .fault")).toEqual(["nonsense"]);
  expect(await page.$eval("textarea", (field) => field.getAttribute("aria-invalid"))).toBe("true");
  // Axe looks at the saved queries, too.
  await page.click(".library .switch button:nth-of-type(2)");
  expect(await faultsOfAxe(page)).toEqual([]);
});

test("of a million rows the first ten thousand are shown, few of them in the document; CSV has them all", async () => {
  using folder = temporaryFolder();
  const session = await browser.target().createCDPSession();
  await session.send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: folder.path });
  await run("SELECT i AS n, CASE WHEN i % 2 = 0 THEN 'even' END AS even FROM range(1000000) AS t(i)");
  await shows("First 10,000 rows, there are more");
  expect((await textsOf(".result tbody tr")).length).toBeLessThan(200);
  expect((await textsOf(".result tbody tr:first-child td")).slice(0, 2)).toEqual(["0", "even"]);
  expect(await textsOf(".result tbody tr:nth-child(2) .null")).toEqual(["NULL"]);
  await page.click(".result tbody tr:nth-child(2)");
  await shows("Row 2 of 10,000");
  expect(await textsOf(".record dd")).toEqual(["1", "NULL"]);
  await page.click(".outcome .switch button");
  await page.$eval(".result", (region) => region.scrollTo(0, 1e9));
  await shows("9999");
  expect(await faultsOfAxe(page)).toEqual([]);
  await page.click(".csv button");
  await shows(" saved");
  const name = await until(() => readdirSync(folder.path).find((file) => file.endsWith(".csv")), {
    what: "the file",
    limitMs: testMsMax,
  });
  const path = join(folder.path, name);
  await until(() => readFileSync(path, "utf8").split("\n").length === 1_000_002, {
    what: "all rows",
    limitMs: testMsMax,
  });
  expect(readFileSync(path, "utf8")).toStartWith("n,even\n0,even\n1,\n");
});

test("a statement that runs is cancelled, and the next one is answered", async () => {
  await run("SELECT count(*) FROM range(10000000000) AS a(x) WHERE hash(x) = 1");
  await shows("Running");
  await page.click(".statement .tools button:nth-of-type(2)");
  await run("SELECT 'answered' AS word");
  await has("td[title=answered]");
});

test("a saved query is there after the page was loaded again; the token is nowhere but in the tab", async () => {
  await page.click(".library .switch button:nth-of-type(2)");
  await page.type(".saved input", "mine");
  await press("Enter");
  await shows("Saved as mine");
  await page.reload();
  await page.click(".library .switch button:nth-of-type(2)");
  await shows("mine");
  expect(await page.evaluate("JSON.stringify(localStorage)")).not.toContain("eyJ");
});

test("the statement of a link is not run before somebody wants it", async () => {
  const sql = "SELECT 'from a link' AS link";
  await page.goto("about:blank");
  await page.goto(`${service.url}/#/sql?q=${encodeURIComponent(sql)}`);
  await has(".catalog summary");
  await page.focus("textarea");
  await press("Control+Enter");
  await has("td[title='from a link']");
  expect(statements.filter((sent) => sent === sql)).toHaveLength(1);
  // A link that is opened in the tab that has the token changes only what follows `#`.
  await goTo(page, `sql?${new URLSearchParams({ q: "SELECT 'from another link' AS link" })}`);
  await shows("from another link");
  await page.focus("textarea");
  await press("Control+Enter");
  await has("td[title='from another link']");
  // Widths fit the values.
  expect(
    await page.$$eval(".result td", (cells) => cells.filter((cell) => cell.scrollWidth > cell.clientWidth)),
  ).toEqual([]);
  expect(statements.filter((sent) => sent.includes("from another link"))).toHaveLength(1);
});

test("a funnel is built by the keyboard, is right, and its SQL gives the same figures", async () => {
  await goTo(page, "funnel");
  await has(".funnel tbody tr");
  await tabTo("Add a step");
  await press("Enter");
  const reached = () => textsOf(".funnel tbody td:nth-child(2)");
  const reaches = (numbers: readonly string[]) =>
    until(async () => Bun.deepEquals(await reached(), [...numbers]), { what: numbers.join(" "), limitMs: testMsMax });
  await reaches(["10", "6", "3"]);
  expect(await textsOf(".funnel .name")).toEqual(["1. open", "2. add", "3. buy"]);
  expect(await textsOf(".funnel tbody td:nth-child(3)")).toEqual(["100%", "60%", "30%"]);
  expect(await textsOf(".funnel tbody td:nth-child(5)")).toEqual(["", "4", "3"]);
  expect(await textsOf(".funnel tbody td:nth-child(6)")).toEqual(["", "1 min 0 s", "2 min 0 s"]);
  // The bars are as long as their shares say.
  const widths = await page.$$eval(".funnel .fill", (bars) => bars.map((bar) => bar.getBoundingClientRect().width));
  expect(widths.map((width) => Math.round((100 * width) / (widths[0] ?? 0)))).toEqual([100, 60, 30]);
  // The new step has the focus: it is moved, and back.
  await press("Alt+ArrowUp");
  await reaches(["10", "3", "0"]);
  await press("Alt+ArrowDown");
  await reaches(["10", "6", "3"]);
  expect(await faultsOfAxe(page)).toEqual([]);
  await page.click(".figure button[aria-expanded]");
  await page.click(".sql a");
  await has(".result tbody tr:nth-child(3)");
  expect(await textsOf(".result tbody td:nth-child(3)")).toEqual(["10", "6", "3"]);
});

test("a funnel is broken down by a property, whatever its values are called", async () => {
  await goTo(page, "funnel");
  await has("option[value='=plan']");
  await page.select("select:has(option[value='=plan'])", "=plan");
  await has("section:nth-of-type(2) > .funnel");
  expect(await textsOf(".funnel caption")).toEqual(["free", "it's pro"]);
  expect(await textsOf(".funnel tbody td:nth-child(2)")).toEqual(["5", "3", "1", "5", "3", "2"]);
});

test("a retention says who came back, as numbers on a ground that keeps their contrast", async () => {
  await goTo(page, "retention");
  await page.select("select:has(option[value='7d'])", "7d");
  await has(".triangle tbody tr:nth-child(3)");
  expect(await textsOf(".triangle tbody tr:nth-child(1) td")).toEqual(["12", "100%", "50.0%"]);
  expect(await textsOf(".triangle tbody tr:nth-child(2) td")).toEqual(["2", "100%", "50.0%"]);
  expect(await textsOf(".triangle tbody tr:nth-child(3) td")).toEqual(["10", "100%", ""]);
  const grounds = await page.$$eval(".triangle tbody tr:nth-child(2) td", (cells) =>
    cells.map((cell) => String(Reflect.get(globalThis, "getComputedStyle")(cell).backgroundColor)),
  );
  expect(grounds[2]).not.toBe(grounds[1]);
  expect(await faultsOfAxe(page)).toEqual([]);
});

test("nothing failed in the page", () => {
  expect(faults).toEqual([]);
});
