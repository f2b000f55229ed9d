/** The plot of an answer, with the choice of its columns. */
import { useMemo, useState } from "preact/hooks";
import { Plot } from "../parts/plot.tsx";
import { useCell } from "../state/cell.ts";
import { zone } from "../state/range.ts";
import type { Answer } from "./answer.ts";
import { type PlotChoice, plotColumns, plotData, suggestedPlot } from "./plot-choice.ts";

/** The plot that the answer suggests, until a person chooses other columns. */
export function ResultPlot({ answer }: { answer: Answer }) {
  const possible = plotColumns(answer);
  const suggested = suggestedPlot(answer) ?? firstPossible(possible);
  const [own, setOwn] = useState<{ of: Answer; choice: PlotChoice } | undefined>(undefined);
  const choice = own?.of === answer ? own.choice : suggested;
  const data = useMemo(() => (choice === undefined ? undefined : plotData(answer, choice)), [answer, choice]);
  const shownZone = useCell(zone);
  if (choice === undefined || data === undefined)
    return <p class="quiet empty">A plot needs a column of times or numbers for x, and a column of numbers for y.</p>;
  const choose = (change: Partial<PlotChoice>) => setOwn({ of: answer, choice: { ...choice, ...change } });
  const nameOf = (at: number) => answer.columns[at]?.name ?? "";
  return (
    <div class="result-plot">
      <div class="choices">
        <Choice label="x" chosen={choice.x} places={possible.x} nameOf={nameOf} onChoose={(x) => choose({ x })} />
        <Choice
          label="y"
          chosen={choice.y[0] ?? 0}
          places={possible.y}
          nameOf={nameOf}
          onChoose={(y) => choose({ y: [y] })}
        />
        <label class="choice">
          a line for each
          <select
            value={choice.splitBy ?? -1}
            onChange={({ currentTarget: { value } }) =>
              choose({ splitBy: Number(value) < 0 ? undefined : Number(value), y: choice.y.slice(0, 1) })
            }
          >
            <option value={-1}>column of y</option>
            {answer.columns.map(({ name }, at) => (
              <option key={name} value={at}>
                {name}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Plot
        label={`${data.series.map(({ label }) => label).join(", ")} by ${nameOf(choice.x)}`}
        times={data.x}
        isTime={data.isTime}
        series={data.series}
        kind="line"
        zone={shownZone}
        timeForm="full"
        height={300}
        unit=""
      />
      {data.seriesLeftOut > 0 && (
        <p class="quiet">
          The {data.series.length} largest; {data.seriesLeftOut} more are not drawn.
        </p>
      )}
    </div>
  );
}

function firstPossible({ x, y }: { x: number[]; y: number[] }): PlotChoice | undefined {
  const [place] = x;
  const value = y.find((at) => at !== place);
  return place === undefined || value === undefined ? undefined : { x: place, y: [value], splitBy: undefined };
}

function Choice(props: {
  label: string;
  chosen: number;
  places: readonly number[];
  nameOf: (at: number) => string;
  onChoose: (at: number) => void;
}) {
  const { label, chosen, places, nameOf, onChoose } = props;
  return (
    <label class="choice">
      {label}
      <select value={chosen} onChange={({ currentTarget: { value } }) => onChoose(Number(value))}>
        {places.map((at) => (
          <option key={at} value={at}>
            {nameOf(at)}
          </option>
        ))}
      </select>
    </label>
  );
}
