/** Events a second of the last ten minutes, from the service's own counts: no question is asked for it. */
import { useMemo } from "preact/hooks";
import { moments, stats, statsRefusal } from "../service/pulse.ts";
import { goneSinceMs } from "../service/request.ts";
import { useCell } from "../state/cell.ts";
import { zone } from "../state/range.ts";
import { AsOf } from "./as-of.tsx";
import { KeyNumber } from "./key-number.tsx";
import { count, rate } from "./numbers.ts";
import { Plot } from "./plot.tsx";

/** The plot begins with this stretch of time, and grows to the ten minutes that are remembered. ms */
const spanMsMin = 120_000;

/** The figures of now. */
export function NowFigure() {
  const now = useCell(stats);
  const refusal = useCell(statsRefusal);
  const seen = useCell(moments);
  const shownZone = useCell(zone);
  const goneMs = useCell(goneSinceMs);
  const times = useMemo(() => seen.map(({ atMs }) => atMs), [seen]);
  const series = useMemo(() => [{ label: "events a second", values: seen.map(({ rate }) => rate) }], [seen]);
  return (
    <section class="figure wide" aria-labelledby="now">
      <header>
        <h2 id="now">Now</h2>
      </header>
      {refusal !== undefined && (
        <p class="bad" role="alert">
          {refusal}. Forget this token, and paste one that has it.
        </p>
      )}
      {now !== undefined && (
        <div class={goneMs === undefined ? "content now" : "content now old"}>
          <dl class="numbers">
            <KeyNumber name="events a second" value={rate(seen.at(-1)?.rate ?? 0)} />
            <KeyNumber name="events this hour (UTC)" value={count(now.thisHour)} />
            <KeyNumber name="events today (UTC)" value={count(now.today)} />
            <KeyNumber name="events in all" value={count(now.totalEvents)} />
          </dl>
          <Plot
            label="Events a second over the last ten minutes"
            times={times}
            series={series}
            kind="line"
            zone={shownZone}
            timeForm="second"
            unit="events a second"
            height={108}
            spanMsMin={spanMsMin}
          />
        </div>
      )}
      {now !== undefined && <AsOf atMs={now.asOfMs} path="/api/v1/analytics/stats" />}
    </section>
  );
}
