/** The page that the client runs in, if it runs in one. */
import { quietly } from "./event-text.ts";

/** What the client uses of a browser. */
type Browser = {
  document?: { hidden: boolean; referrer: string };
  location?: { href: string };
  localStorage?: KeptStrings;
  addEventListener(type: string, act: () => void): void;
};

/** What the client uses of localStorage. */
type KeptStrings = {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
};

/** The browser, or another runtime, which has none of this. */
export const browser: Browser = globalThis;

/** Undefined outside of a page. Node has a localStorage too, which is not asked for there. */
export const page = browser.document;

/** localStorage of a page; undefined where there is none, or where the browser denies it by an error. */
export const keptStrings = (): KeptStrings | undefined => quietly(() => page && browser.localStorage);

/** Calls back when the page is hidden, which may be its end, and when it is shown again. */
export function watchPage(act: (isHidden: boolean) => void): void {
  if (page === undefined) return;
  const listen = browser.addEventListener;
  // `visibilitychange` bubbles up from the document.
  listen("visibilitychange", () => act(page.hidden));
  listen("pagehide", () => act(true));
}
