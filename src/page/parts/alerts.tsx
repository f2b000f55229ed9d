/** What an operator wants to be told: the alerts of the service, those that fire first. */
import { type Alert, stats } from "../service/pulse.ts";
import { useCell } from "../state/cell.ts";
import { zone } from "../state/range.ts";
import { linkTo } from "../state/route.ts";
import { AsOf } from "./as-of.tsx";
import { figure, time } from "./numbers.ts";

const isFiring = ({ state }: Alert) => state === "firing";

/** How many alerts fire, in every view; nothing while none does. */
export function FiringAlerts() {
  const firing = (useCell(stats)?.alerts ?? []).filter(isFiring);
  return (
    <span aria-live="polite">
      {firing.length > 0 && (
        <a href={linkTo("health")} title={firing.map(({ alert }) => alert).join(", ")}>
          <span class="dot firing" aria-hidden="true" />
          {firing.length === 1 ? "1 alert is firing" : `${firing.length} alerts are firing`}
        </a>
      )}
    </span>
  );
}

/** Every alert with its state and what was measured last; nothing for a service without alerts. */
export function AlertsFigure() {
  const seen = useCell(stats);
  const shownZone = useCell(zone);
  if (seen === undefined || seen.alerts.length === 0) return null;
  const alerts = seen.alerts.toSorted((one, other) => Number(isFiring(other)) - Number(isFiring(one)));
  return (
    <section class="figure wide" aria-labelledby="alerts">
      <header>
        <h2 id="alerts">Alerts</h2>
      </header>
      {/* A region that scrolls must be reachable by keyboard. */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls */}
      <section class="table" aria-label="Alerts: rows" tabIndex={0}>
        <table>
          <caption class="unseen">Alerts</caption>
          <thead>
            <tr>
              <th scope="col">alert</th>
              <th scope="col">state</th>
              <th scope="col" class="number">
                last value
              </th>
              <th scope="col">last measured</th>
            </tr>
          </thead>
          <tbody>
            {alerts.map((one) => (
              <tr key={one.alert}>
                <th scope="row">{one.alert}</th>
                <td>
                  <span class={isFiring(one) ? "state bad" : "state"}>
                    <span class={`dot ${one.atMs === undefined ? "" : one.state}`} aria-hidden="true" />
                    {one.atMs === undefined ? "not measured yet" : one.state}
                  </span>
                </td>
                <td class="number">{one.value === undefined ? "–" : figure(one.value)}</td>
                <td>{one.atMs === undefined ? "–" : time(one.atMs, shownZone, "full")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <AsOf atMs={seen.asOfMs} path="/api/v1/analytics/stats" />
    </section>
  );
}
