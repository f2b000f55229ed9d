/** The end of a process that has nothing else to do. Browsers tell of the end of a page: `page.ts`. */

/** What such a process does first: sends events that wait. */
export const unsent = new Set<() => void>();

globalThis.process?.on?.("beforeExit", () => {
  for (const end of unsent) end();
});
