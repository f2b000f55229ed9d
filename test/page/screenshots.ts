/**
 * `bun run screenshots [FOLDER]`: pictures of the page for the README, of a service with four weeks of made-up history
 * and some events a second. With a FOLDER: every view there, light and dark, at the width of a desk and of a phone.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "puppeteer-core";
import { launchBrowser } from "../support/browser.ts";
import { enterToken, goTo } from "../support/page.ts";
import { startService } from "../support/service.ts";
import { historyUntil } from "./history.ts";

const days = 28;

/** What the picture of the SQL view asks. */
const plotted = `-- Sessions and people of each day
FROM timeline(INTERVAL 1 DAY, tz := 'Europe/Berlin')`;

/** The pictures of the README: at most 150 KB each. */
const ofReadme = [
  { view: "overview", colours: "light" },
  { view: `sql?${new URLSearchParams({ q: plotted })}`, colours: "dark" },
] as const;

/** Looks at the counts, one every 2 s, before the first picture: the plot of the last minutes has something to show. */
const momentsShown = 45;

/** What each view shows once all of its questions are answered. */
const settled: Readonly<Record<string, string>> = {
  overview: ".figures > :last-child .top tbody tr",
  live: ".tail li",
  people: ".figure td a",
  // The properties are asked for last.
  funnel: ".choices label:last-child option:nth-child(2)",
  retention: ".triangle tbody tr",
  sql: ".catalog summary",
  health: "#shards",
};

const [folder] = process.argv.slice(2);
const into = folder ?? join(import.meta.dir, "../../src/page/pictures");
mkdirSync(into, { recursive: true });

await using service = await startService({ env: { MILLRACE_SHARDS: "2" } });
const past = historyUntil(Date.now(), days);
for (let from = 0; from < past.length; from += 100) await service.batch(past.slice(from, from + 100));
await service.waitSealed(60_000);

const browser = await launchBrowser();
const page = await browser.newPage();
await page.setViewport({ width: 1200, height: 880 });
await page.goto(`${service.url}/`);
await enterToken(page, service.token({ subject: "me", scope: "stats:read query" }));
await page.waitForSelector("nav");
const views = await page.evaluate("[...document.querySelectorAll('nav a')].map((link) => link.hash.slice(2))");
if (!Array.isArray(views)) throw new Error("the page has no views");

await page.select("main select", "7d");

let isLive = true;
const live = (async () => {
  for (let step = 0; isLive; step++) {
    const now = new Date().toISOString();
    const some = past.slice(step * 7, step * 7 + 1 + Math.round(1 + Math.sin(step / 9)));
    await service.batch(some.map((event) => ({ ...event, timestamp: now })));
    await Bun.sleep(500);
  }
})();
// The plot's table has a row for each look.
await page.waitForSelector(".now summary");
await page.click(".now summary");
await page.waitForFunction(`document.querySelectorAll(".now tbody tr").length >= ${momentsShown}`, {
  timeout: 600_000,
});
await page.click(".now summary");

if (folder === undefined) {
  for (const { view, colours } of ofReadme)
    await shoot(page, { view, colours, width: 1200, path: join(into, `${view.split("?")[0]}.webp`) });
} else {
  for (const view of views)
    for (const colours of ["light", "dark"] as const)
      for (const width of [1200, 375])
        await shoot(page, { view: String(view), colours, width, path: join(into, `${view}-${colours}-${width}.png`) });
}
isLive = false;
await live;
await browser.close();

/** Opens a view, waits until every figure has its answer and is drawn, and takes its picture. */
async function shoot(
  shown: Page,
  { view, colours, width, path }: { view: string; colours: "light" | "dark"; width: number; path: string },
): Promise<void> {
  await shown.setViewport({ width, height: width < 500 ? 812 : 880 });
  await shown.emulateMediaFeatures([{ name: "prefers-color-scheme", value: colours }]);
  await goTo(shown, view);
  const [name = "", question] = view.split("?");
  await shown.waitForSelector(settled[name] ?? ".figure", { timeout: 60_000 });
  if (question !== undefined) {
    await shown.focus("textarea");
    await shown.keyboard.down("Control");
    await shown.keyboard.press("Enter");
    await shown.keyboard.up("Control");
    await shown.waitForSelector(".outcome .plot canvas", { timeout: 60_000 });
  }
  await shown.waitForFunction("document.querySelector('[aria-busy=true], .waiting') === null", { timeout: 60_000 });
  // A plot that has a new width or new data is drawn in the next frame. No picture shows where the focus is.
  await shown.evaluate(
    "document.activeElement?.blur(), new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))",
  );
  const form = path.endsWith(".png") ? ({ type: "png" } as const) : ({ type: "webp", quality: 80 } as const);
  await Bun.write(path, await shown.screenshot({ ...form, fullPage: folder !== undefined }));
  console.log(path);
}
