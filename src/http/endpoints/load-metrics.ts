/** Loads `metrics.ts` after the start: it imports a Prometheus client, which would delay the start. */
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";

/** The module, from the first call on. */
export const loadMetrics = () => import("./metrics.ts");

/** Loads it in the background once the service has started: a scrape could not load it when no descriptor is left. */
export function preloadMetrics(log: Log): void {
  loadMetrics().catch((error: unknown) => {
    log.warn({ error: messageOf(error) }, "metrics not loaded yet; the first scrape tries again");
  });
}
