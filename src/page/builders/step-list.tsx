/** The steps of a funnel: each a name, moved and removed by buttons or by the keyboard. */
import { useEffect, useRef } from "preact/hooks";
import { NameChoice } from "./name-choice.tsx";
import type { CountedName } from "./names.ts";
import { stepsMax, stepsMin, withoutStep, withStep, withStepMoved, withStepNamed } from "./steps.ts";

/** The list, and the button that adds a step. */
export function StepList(props: {
  steps: readonly string[];
  names: readonly CountedName[];
  onSteps: (steps: string[]) => void;
}) {
  const { steps, names, onSteps } = props;
  const list = useRef<HTMLOListElement>(null);
  /** The step that gets the focus once the list is drawn again. */
  const focused = useRef<number | undefined>(undefined);
  useEffect(() => {
    const at = focused.current;
    focused.current = undefined;
    if (at !== undefined) list.current?.querySelectorAll("select")[at]?.focus();
  }, [steps]);
  const change = (next: string[], focus: number) => {
    focused.current = focus;
    onSteps(next);
  };
  const move = (at: number, by: number) => {
    const to = at + by;
    if (to >= 0 && to < steps.length) change(withStepMoved(steps, at, by), to);
  };
  const unused = names.find(({ name }) => !steps.includes(name)) ?? names[0];
  return (
    <div class="steps">
      <ol ref={list}>
        {steps.map((step, at) => (
          // A name may be a step twice, and its place is all that it has.
          <li key={at}>
            <NameChoice
              label={`Step ${at + 1}`}
              isLabelSeen={false}
              chosen={step}
              names={names}
              onChoose={(name) => name !== undefined && onSteps(withStepNamed(steps, at, name))}
              onKeyDown={(event) => {
                if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
                event.preventDefault();
                move(at, event.key === "ArrowUp" ? -1 : 1);
              }}
            />
            <button
              type="button"
              aria-label={`Move step ${at + 1} up`}
              disabled={at === 0}
              onClick={() => move(at, -1)}
            >
              ↑
            </button>
            <button
              type="button"
              aria-label={`Move step ${at + 1} down`}
              disabled={at === steps.length - 1}
              onClick={() => move(at, 1)}
            >
              ↓
            </button>
            <button
              type="button"
              aria-label={`Remove step ${at + 1}`}
              disabled={steps.length <= stepsMin}
              onClick={() => change(withoutStep(steps, at), Math.max(0, at - 1))}
            >
              ×
            </button>
          </li>
        ))}
      </ol>
      <button
        type="button"
        disabled={unused === undefined || steps.length >= stepsMax}
        onClick={() => unused !== undefined && change(withStep(steps, unused.name), steps.length)}
      >
        Add a step
      </button>
    </div>
  );
}
