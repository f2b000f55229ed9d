/** The page at `/` in a real Chromium: what a person does there, and what is seen. */
import { fileURLToPath } from "node:url";
import type { Page } from "puppeteer-core";
import { patience } from "./until.ts";

/** A page that does not show it by then never will. Milliseconds. */
const seenMsMax = 20_000 * patience;

const axeSource = await Bun.file(fileURLToPath(import.meta.resolve("axe-core/axe.min.js"))).text();

/** Waits until a page shows a string. */
export async function showsText(page: Page, text: string): Promise<void> {
  await page.waitForFunction(`document.body.innerText.includes(${JSON.stringify(text)})`, { timeout: seenMsMax });
}

/** Waits until a page does not show a string any more. */
export async function hidesText(page: Page, text: string): Promise<void> {
  await page.waitForFunction(`!document.body.innerText.includes(${JSON.stringify(text)})`, { timeout: seenMsMax });
}

/** Goes to a view, with what follows its name in the address, and waits until it is there. */
export async function goTo(page: Page, view: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(`#/${view}`)}`);
  await page.waitForFunction(
    `document.querySelector('nav a[aria-current]')?.hash === ${JSON.stringify(`#/${view.split("?")[0]}`)}`,
    {
      timeout: seenMsMax,
    },
  );
}

/** Pastes a token at the door. */
export async function enterToken(page: Page, token: string): Promise<void> {
  await page.waitForSelector("#token", { timeout: seenMsMax });
  await page.evaluate(`document.querySelector("#token").select()`);
  await page.type("#token", token);
  await page.click("button[type=submit]");
}

/**
 * What axe-core finds in the view that is seen, and whether it is wider than the screen: light and dark, at the width
 * of a phone and of a desk.
 */
export async function faultsOfAxe(page: Page): Promise<string[]> {
  const found = new Set<string>();
  for (const [width, colours] of [
    [375, "light"],
    [375, "dark"],
    [1280, "dark"],
    [1280, "light"],
  ] as const) {
    await page.setViewport({ width, height: 800 });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: colours }]);
    const faults: unknown = await page.evaluate(`(async () => {
      if (!("axe" in globalThis)) { ${axeSource} }
      const { violations } = await axe.run();
      return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => id + " " + html.slice(0, 200) + " " + failureSummary));
    })()`);
    if (!Array.isArray(faults)) throw new Error("axe-core gave no list");
    const wider = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
    if (wider !== 0) found.add(`${width}: the page is ${wider} px wider than the screen`);
    for (const fault of faults) found.add(`${width} ${colours}: ${fault}`);
  }
  return [...found];
}
