/** Loads `metrics.ts` after the start: it imports a Prometheus client, which would delay the start. */
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";

/** The first requests of a service have the processor for themselves for this long. ms */
const preloadPauseMs = 5_000;

/** The module, from the first call on. */
export const loadMetrics = () => import("./metrics.ts");

/**
 * Loads it in the background a moment later, unless that is disposed or a scrape comes first: a scrape could not load
 * it when no descriptor is left.
 */
export function preloadMetrics(log: Log): Disposable {
  const timer = setTimeout(() => {
    loadMetrics().catch((error: unknown) => {
      log.warn({ error: messageOf(error) }, "metrics not loaded yet; the first scrape tries again");
    });
  }, preloadPauseMs);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}
