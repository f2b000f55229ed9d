/** Loads `metrics.ts` apart from the start: it brings a Prometheus client, which a start would wait for. */
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";

/** The module, from the first call on. */
export const loadMetrics = () => import("./metrics.ts");

/** Loads it in the background once the service has started: a scrape that came when no descriptor is left could not. */
export function preloadMetrics(log: Log): void {
  loadMetrics().catch((error: unknown) => {
    log.warn({ error: messageOf(error) }, "metrics not loaded yet; the first scrape tries again");
  });
}
