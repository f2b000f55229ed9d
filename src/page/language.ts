/**
 * Gives the browser a language that it can work with. A Chromium under the locale of POSIX says `en-US@posix`, which
 * its own `Intl` refuses, and uPlot asks for it while it is loaded. So this file is loaded before uPlot.
 */
try {
  Intl.getCanonicalLocales(navigator.language);
} catch (error) {
  if (!(error instanceof RangeError)) throw error;
  Object.defineProperty(navigator, "language", { value: "en" });
}
