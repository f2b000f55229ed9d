/** Overview: events now and over the range, and what they are. */
import { useMemo } from "preact/hooks";
import { Figure } from "../parts/figure.tsx";
import { FirstEvent } from "../parts/first-event.tsx";
import { KeyNumber } from "../parts/key-number.tsx";
import { NowFigure } from "../parts/now-figure.tsx";
import { count, duration, figure, share } from "../parts/numbers.ts";
import { Plot } from "../parts/plot.tsx";
import type { Series } from "../parts/plot-options.ts";
import { TopList } from "../parts/top-list.tsx";
import { eventsOverTime, topChannels, topEntryPages, topNames, topPages, topReferrers, visits } from "../questions.ts";
import type { Answer } from "../service/ask.ts";
import { stats } from "../service/pulse.ts";
import { useAnswer } from "../service/use-answer.ts";
import { useCell } from "../state/cell.ts";
import { span } from "../state/range.ts";
import { bucketAt, type Span } from "../state/span.ts";

/** Empty until the first event; then its figures. */
export function OverviewView() {
  const seen = useCell(stats);
  if (seen?.totalEvents === 0) return <FirstEvent />;
  return (
    <div class="figures">
      <NowFigure />
      <OverTime />
      <Visits />
      <Top title="Events" question={topNames} valueName="Name" />
      <Top title="Pages" question={topPages} valueName="Page" />
      <Top title="Referrers" question={topReferrers} valueName="Referrer" />
      <Top title="Channels" question={topChannels} valueName="Channel" unit="Sessions" class="half" />
      <Top title="Entry pages" question={topEntryPages} valueName="Page" unit="Sessions" class="half" />
    </div>
  );
}

function Visits() {
  const sql = visits(useCell(span));
  return (
    <Figure title="Visits" sql={sql} asked={useAnswer(sql)} class="wide">
      {({ rows: [row = []] }) => {
        const [sessions, sessionsBefore, people, peopleBefore, eventsEach, bounced, medianSeconds] = row.map(known);
        return (
          <dl class="numbers">
            <KeyNumber name="sessions" value={count(sessions ?? 0)} change={changeOf(sessions, sessionsBefore)} />
            <KeyNumber name="people" value={count(people ?? 0)} change={changeOf(people, peopleBefore)} />
            <KeyNumber name="events a session" value={textOf(eventsEach, figure)} />
            <KeyNumber name="bounced" value={textOf(bounced, share)} />
            <KeyNumber name="median length" value={textOf(medianSeconds, duration)} />
          </dl>
        );
      }}
    </Figure>
  );
}

/** A number of the answer; undefined: there is none, as without sessions. */
const known = (value: unknown) => (value === null ? undefined : Number(value));

/** A number as it is read; where there is none, a dash and not a zero. */
const textOf = (value: number | undefined, read: (value: number) => string) =>
  value === undefined ? "–" : read(value);

/** How much more or less than in the span before; undefined where there was nothing. */
const changeOf = (now = 0, before = 0) => (before === 0 ? undefined : now / before - 1);

function OverTime() {
  const shown = useCell(span);
  const sql = eventsOverTime(shown);
  return (
    <Figure title="Events by category" sql={sql} asked={useAnswer(sql)} class="wide">
      {(answer) => <OverTimePlot answer={answer} shown={shown} />}
    </Figure>
  );
}

function OverTimePlot({ answer, shown }: { answer: Answer; shown: Span }) {
  const series = useMemo(() => seriesOf(answer, shown), [answer, shown]);
  return (
    <Plot
      label={`Events by category, ${shown.buckets.length} stretches of ${shown.bucket.toLowerCase()}`}
      times={shown.buckets}
      series={series}
      kind="stacked"
      zone={shown.zone}
      timeForm={shown.bucket === "1 DAY" ? "day" : "minute"}
      unit="events"
    />
  );
}

/** A series for each category that occurs, the most frequent first; a bucket without events is zero. */
function seriesOf({ rows }: Answer, shown: Span): Series[] {
  const byCategory = new Map<string, number[]>();
  for (const [bucket, category, events] of rows) {
    const index = bucketAt(shown, Date.parse(String(bucket)));
    // An answer may still be that of the span before.
    if (index === undefined) continue;
    const values = byCategory.get(String(category)) ?? shown.buckets.map(() => 0);
    values[index] = (values[index] ?? 0) + Number(events);
    byCategory.set(String(category), values);
  }
  const total = ({ values }: { values: readonly number[] }) => values.reduce((sum, value) => sum + value, 0);
  return [...byCategory].map(([label, values]) => ({ label, values })).sort((one, other) => total(other) - total(one));
}

function Top(props: {
  title: string;
  question: (span: Span) => string;
  valueName: string;
  unit?: string;
  class?: string;
}) {
  const sql = props.question(useCell(span));
  return (
    <Figure title={props.title} sql={sql} asked={useAnswer(sql)} class={props.class ?? ""}>
      {(answer) => (
        <TopList answer={answer} valueName={props.valueName} unit={props.unit ?? "Events"} caption={props.title} />
      )}
    </Figure>
  );
}
