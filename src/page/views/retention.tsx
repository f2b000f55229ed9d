/** Retention: who comes back, by the period of the first event. */
import { useMemo } from "preact/hooks";
import { periods, type RetentionQuestion, retentionSql } from "../builders/builder-sql.ts";
import { WordChoice } from "../builders/choice.tsx";
import { NameChoice } from "../builders/name-choice.tsx";
import { useEventNames } from "../builders/names.ts";
import { eventsWithoutId, retentionRows, triangleOf } from "../builders/triangle.ts";
import { TriangleTable } from "../builders/triangle-table.tsx";
import { Figure } from "../parts/figure.tsx";
import { FirstEvent } from "../parts/first-event.tsx";
import { count } from "../parts/numbers.ts";
import type { Answer } from "../service/ask.ts";
import { stats } from "../service/pulse.ts";
import { useAnswer } from "../service/use-answer.ts";
import { Cell, useCell } from "../state/cell.ts";
import { span } from "../state/range.ts";

type Choice = Pick<RetentionQuestion, "period" | "start" | "back">;

/** The retention as it was built; it stays while other views are seen. */
const choice = new Cell<Choice>({ period: "day", start: undefined, back: undefined });

/** The builder and its triangle. */
export function RetentionView() {
  return useCell(stats)?.totalEvents === 0 ? <FirstEvent /> : <Builder />;
}

function Builder() {
  const chosen = useCell(choice);
  const { sinceMs, untilMs, zone } = useCell(span);
  const names = useEventNames();
  const sql = retentionSql({ ...chosen, timeZone: zone, range: { sinceMs, untilMs } });
  const change = (part: Partial<Choice>) => {
    choice.value = { ...choice.value, ...part };
  };
  return (
    <div class="builder">
      <section class="figure" aria-label="Question">
        <div class="choices">
          <WordChoice
            label="by"
            chosen={chosen.period}
            words={periods}
            texts={{ day: "day", week: "week", month: "month" }}
            onChoose={(period) => change({ period })}
          />
          <NameChoice
            label="first did"
            chosen={chosen.start}
            names={names}
            none="anything"
            onChoose={(start) => change({ start })}
          />
          <NameChoice
            label="came back for"
            chosen={chosen.back}
            names={names}
            none="anything"
            onChoose={(back) => change({ back })}
          />
        </div>
      </section>
      <Figure title="Retention" sql={sql} asked={useAnswer(sql)} class="wide">
        {(answer) => <Shown answer={answer} period={chosen.period} />}
      </Figure>
    </div>
  );
}

function Shown({ answer, period }: { answer: Answer; period: string }) {
  const triangle = useMemo(() => triangleOf(retentionRows(answer.columns, answer.rows)), [answer]);
  const without = eventsWithoutId(answer.columns, answer.rows);
  return (
    <>
      <TriangleTable triangle={triangle} period={period} />
      {without > 0 && <p class="quiet">{count(without)} events have no id of a person, and are left out.</p>}
    </>
  );
}
