/** The steps of a funnel as a person changes them: each change makes a new list. */

/** Fewer are no funnel. */
export const stepsMin = 2;

/** More columns do not fit beside each other. */
export const stepsMax = 10;

/** Adds a step at the end; a full list stays as it is. */
export const withStep = (steps: readonly string[], name: string): string[] =>
  steps.length >= stepsMax ? [...steps] : [...steps, name];

/** Names a step differently. */
export const withStepNamed = (steps: readonly string[], at: number, name: string): string[] => steps.with(at, name);

/** Removes a step. */
export const withoutStep = (steps: readonly string[], at: number): string[] => steps.toSpliced(at, 1);

/** Moves a step by some places; past an end it stays where it is. */
export function withStepMoved(steps: readonly string[], at: number, by: number): string[] {
  const to = at + by;
  const step = steps[at];
  if (step === undefined || to < 0 || to >= steps.length) return [...steps];
  return steps.toSpliced(at, 1).toSpliced(to, 0, step);
}
