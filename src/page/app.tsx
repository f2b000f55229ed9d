/** The frame of every view: where to go, what range and zone are seen, and whether the service answers. */
import { useEffect, useRef } from "preact/hooks";
import { Door } from "./door.tsx";
import { FiringAlerts } from "./parts/alerts.tsx";
import { rate, time } from "./parts/numbers.ts";
import { health, moments, watchPulse } from "./service/pulse.ts";
import { goneSinceMs } from "./service/request.ts";
import { forgetToken, token } from "./service/token.ts";
import { useCell } from "./state/cell.ts";
import { localZone, rangeName, zone } from "./state/range.ts";
import { linkTo, route } from "./state/route.ts";
import { type RangeName, rangeLabel, rangeNames } from "./state/span.ts";
import { theme, themeAfter } from "./state/theme.ts";
import { views } from "./views/views.ts";

/** The page: the door without a token, else one view. */
export function App() {
  const hasToken = useCell(token) !== "";
  return hasToken ? <Frame /> : <Door />;
}

function Frame() {
  const { view: name } = useCell(route);
  const view = views.find((one) => one.name === name) ?? views[0];
  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    const open = new AbortController();
    watchPulse(open.signal).catch((error: unknown) => reportError(error));
    return () => open.abort();
  }, []);
  useEffect(() => {
    document.title = `${view?.title ?? ""} · Millrace`;
    scrollTo(0, 0);
    // On a phone the row of views is wider than the screen, and a phone may be turned.
    showCurrent();
    addEventListener("resize", showCurrent);
    return () => removeEventListener("resize", showCurrent);
  }, [view]);
  const View = view?.component;
  return (
    <div class="frame">
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the view
      </button>
      <header class="side">
        <a class="brand" href={linkTo("overview")}>
          Millrace
        </a>
        <nav aria-label="Views">
          <ul>
            {views.map((one) => (
              <li key={one.name}>
                <a href={linkTo(one.name)} aria-current={one === view ? "page" : undefined}>
                  {one.title}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <Pulse />
        <div class="own">
          <ThemeButton />
          <button type="button" class="text" onClick={() => forgetToken()}>
            Forget the token
          </button>
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        <div class="bar">
          <h1>{view?.title}</h1>
          {view?.hasRange && <RangeChoice />}
          <ZoneChoice />
          <Gone />
        </div>
        {View !== undefined && <View />}
      </main>
    </div>
  );
}

/** Moves the row of views so that the current one is seen. */
function showCurrent(): void {
  const row = document.querySelector("nav");
  const current = row?.querySelector("[aria-current]");
  if (row === null || !(current instanceof HTMLElement)) return;
  const { left, width } = current.getBoundingClientRect();
  row.scrollLeft += left + width / 2 - (row.getBoundingClientRect().left + row.clientWidth / 2);
}

function Pulse() {
  const seen = useCell(health);
  const goneMs = useCell(goneSinceMs);
  const last = useCell(moments).at(-1);
  const status = goneMs !== undefined ? "gone" : seen === undefined ? "asking" : String(seen.body["status"]);
  return (
    <div class="pulse">
      <FiringAlerts />
      <a href={linkTo("health")}>
        <span class={`dot ${status}`} aria-hidden="true" />
        {status}
      </a>
      {last !== undefined && goneMs === undefined && <span class="number">{rate(last.rate)} events/s</span>}
    </div>
  );
}

function Gone() {
  const goneMs = useCell(goneSinceMs);
  const shownZone = useCell(zone);
  return (
    <div class="notice" aria-live="polite">
      {goneMs !== undefined && (
        <p class="gone">
          The service has not answered since {time(goneMs, shownZone, "second")}. Figures are old; they go on by
          themselves once it is back.
        </p>
      )}
    </div>
  );
}

function RangeChoice() {
  const chosen = useCell(rangeName);
  return (
    <label class="choice">
      <span class="unseen">Time range</span>
      <select
        value={chosen}
        onChange={(event) => {
          const value = rangeNames.find((name) => name === event.currentTarget.value);
          if (value !== undefined) rangeName.value = value;
        }}
      >
        {rangeNames.map((name: RangeName) => (
          <option key={name} value={name}>
            {rangeLabel(name)}
          </option>
        ))}
      </select>
    </label>
  );
}

const zones = [...new Set(["UTC", localZone, ...Intl.supportedValuesOf("timeZone")])];

function ZoneChoice() {
  const chosen = useCell(zone);
  return (
    <label class="choice">
      <span class="unseen">Time zone</span>
      <select value={chosen} onChange={(event) => (zone.value = event.currentTarget.value)}>
        {(zones.includes(chosen) ? zones : [chosen, ...zones]).map((name) => (
          <option key={name} value={name}>
            {name.replaceAll("_", " ")}
          </option>
        ))}
      </select>
    </label>
  );
}

function ThemeButton() {
  const now = useCell(theme);
  return (
    <button type="button" class="text" onClick={() => (theme.value = themeAfter(now))}>
      Colours: {now}
    </button>
  );
}
