/** What one person did, day by day, the last event first. */
import type { Answer, Value } from "../service/ask.ts";
import { useCell } from "../state/cell.ts";
import { zone } from "../state/range.ts";
import { count, time, visible } from "./numbers.ts";

/** Rows of `timestamp`, `event_name`, `page_url`, `session_id`, `properties`, the last first. */
export function PersonTimeline({ answer }: { answer: Answer }) {
  const shownZone = useCell(zone);
  const days = Map.groupBy(answer.rows, ([at]) => time(Date.parse(String(at)), shownZone, "day"));
  return (
    <div class="days">
      {[...days].map(([day, rows]) => (
        <section key={day} aria-label={day}>
          <h3>
            {day} <span class="quiet">{count(rows.length)} events</span>
          </h3>
          <ol class="tail">
            {rows.map((row, index) => (
              <Row key={`${row[0]} ${index}`} row={row} zone={shownZone} />
            ))}
          </ol>
        </section>
      ))}
    </div>
  );
}

function Row({ row: [at, name, page, session, properties], zone }: { row: readonly Value[]; zone: string }) {
  const more = properties === null ? "" : JSON.stringify(properties);
  return (
    <li class="line">
      <time class="number" dateTime={String(at)}>
        {time(Date.parse(String(at)), zone, "second")}
      </time>
      <b>{visible(String(name))}</b>
      <span class="rest" title={session === null ? "" : `session ${session}`}>
        {page === null ? "" : String(page)}
      </span>
      <span class="quiet rest">{more === "{}" ? "" : more}</span>
    </li>
  );
}
