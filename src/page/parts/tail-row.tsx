/** One event of the tail: a line that opens to all of its columns. */
import type { TailEvent } from "../service/tail.ts";
import { useCell } from "../state/cell.ts";
import { zone } from "../state/range.ts";
import { time, visible } from "./numbers.ts";

/** Columns that the line itself shows. */
const inLine = new Set(["event_name", "timestamp", "category"]);

/** An event as a line. */
export function TailRow({ event }: { event: TailEvent }) {
  const shownZone = useCell(zone);
  const member = (name: string) => {
    const value = event[name];
    return value === null || value === undefined
      ? ""
      : typeof value === "object"
        ? JSON.stringify(value)
        : String(value);
  };
  const atMs = Date.parse(member("timestamp"));
  const who = member("user_id") || member("anonymous_id") || member("client_id");
  return (
    <li>
      <details>
        <summary>
          <time class="number">{Number.isNaN(atMs) ? "" : time(atMs, shownZone, "second")}</time>
          <b>{visible(member("event_name"))}</b>
          <span class="quiet">{member("category")}</span>
          <span class="who">{who}</span>
          <span class="quiet rest">{member("page_url") || member("properties")}</span>
        </summary>
        <dl class="columns">
          {Object.keys(event)
            .filter((name) => member(name) !== "" && !inLine.has(name))
            .map((name) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{member(name)}</dd>
              </div>
            ))}
        </dl>
      </details>
    </li>
  );
}
