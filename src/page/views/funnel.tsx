/** Funnel: who does step after step, and where they leave. */
import { useEffect } from "preact/hooks";
import { type FunnelQuestion, funnelSql, type Range, withinUnits } from "../builders/builder-sql.ts";
import { WordChoice } from "../builders/choice.tsx";
import { FunnelBars } from "../builders/funnel-bars.tsx";
import { funnelsOf } from "../builders/funnel-rows.ts";
import { NameChoice } from "../builders/name-choice.tsx";
import { useEventNames, usePropertyNames } from "../builders/names.ts";
import { StepList } from "../builders/step-list.tsx";
import { stepsMin } from "../builders/steps.ts";
import { Figure } from "../parts/figure.tsx";
import { FirstEvent } from "../parts/first-event.tsx";
import { stats } from "../service/pulse.ts";
import { useAnswer } from "../service/use-answer.ts";
import { Cell, useCell } from "../state/cell.ts";
import { span } from "../state/range.ts";

type Choice = Omit<FunnelQuestion, "range">;

/** The funnel as it was built; it stays while other views are seen. */
const choice = new Cell<Choice>({
  steps: [],
  within: 1,
  unit: "day",
  by: "person",
  order: "sequential",
  breakdown: undefined,
});

/** The longest funnel: a month of days, say, or of minutes. */
const withinMax = 1_000;

/** The builder and its funnel. */
export function FunnelView() {
  return useCell(stats)?.totalEvents === 0 ? <FirstEvent /> : <Builder />;
}

function Builder() {
  const chosen = useCell(choice);
  const { sinceMs, untilMs } = useCell(span);
  const names = useEventNames();
  const change = (part: Partial<Choice>) => {
    choice.value = { ...choice.value, ...part };
  };
  // The most frequent names make a first funnel, to be changed.
  useEffect(() => {
    if (choice.value.steps.length === 0 && names.length >= stepsMin)
      change({ steps: names.slice(0, stepsMin).map(({ name }) => name) });
  }, [names.length]);
  const isComplete = chosen.steps.length >= stepsMin;
  const sql = isComplete ? funnelSql({ ...chosen, range: { sinceMs, untilMs } }) : undefined;
  const asked = useAnswer(sql);
  const who = chosen.by === "person" ? "people" : "sessions";
  return (
    <div class="builder">
      <section class="figure" aria-label="Steps">
        <StepList steps={chosen.steps} names={names} onSteps={(steps) => change({ steps })} />
        <FunnelOptions
          chosen={chosen}
          // Properties stand in every event, so they are asked for last: once the funnel is answered.
          range={asked.answer === undefined ? undefined : { sinceMs, untilMs }}
          onChange={change}
        />
      </section>
      {sql === undefined ? (
        <p class="quiet">
          A funnel leads from one event to another. Send events of two names, and they make a first funnel here.
        </p>
      ) : (
        <Figure title="Funnel" sql={sql} asked={asked} class="wide">
          {(answer) =>
            funnelsOf(answer, chosen.breakdown !== undefined).map(({ value, steps }) => (
              <FunnelBars
                key={value}
                caption={value ?? "Funnel"}
                isCaptionSeen={value !== undefined}
                steps={steps}
                who={who}
              />
            ))
          }
        </Figure>
      )}
    </div>
  );
}

const one = { minute: "minute", hour: "hour", day: "day" };
const several = { minute: "minutes", hour: "hours", day: "days" };

function FunnelOptions(props: { chosen: Choice; range: Range | undefined; onChange: (part: Partial<Choice>) => void }) {
  const { chosen, range, onChange } = props;
  const properties = usePropertyNames(range);
  return (
    <div class="choices">
      <label class="choice">
        within
        <input
          type="number"
          min={1}
          max={withinMax}
          value={chosen.within}
          onChange={({ currentTarget }) => {
            const within = Math.round(Number(currentTarget.value));
            if (within >= 1 && within <= withinMax) onChange({ within });
            // What cannot be is shown as it was.
            else currentTarget.value = String(chosen.within);
          }}
        />
      </label>
      <WordChoice
        label="Unit"
        isLabelSeen={false}
        chosen={chosen.unit}
        words={withinUnits}
        texts={chosen.within === 1 ? one : several}
        onChoose={(unit) => onChange({ unit })}
      />
      <WordChoice
        label="by"
        chosen={chosen.by}
        words={["person", "session"]}
        texts={{ person: "person", session: "session" }}
        onChoose={(by) => onChange({ by })}
      />
      <WordChoice
        label="steps"
        chosen={chosen.order}
        words={["sequential", "strict", "any"]}
        texts={{ sequential: "in this order", strict: "with nothing between", any: "in any order" }}
        onChoose={(order) => onChange({ order })}
      />
      <NameChoice
        label="broken down by"
        chosen={chosen.breakdown}
        names={properties}
        none="nothing"
        onChoose={(breakdown) => onChange({ breakdown })}
      />
    </div>
  );
}
