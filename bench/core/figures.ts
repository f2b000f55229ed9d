/**
 * Figures, goals and bars as tables: each row says a name, a unit, which way is good, and how to read it from a round.
 */
import { median } from "./method.ts";
import type { Figure, Goal, Plot } from "./result.ts";

/** One figure: its value in each round is what `pick` reads from it. */
export type FigureRow<Round> = readonly [
  name: string,
  unit: Figure["unit"],
  better: Figure["better"],
  pick: (round: Round, nth: number) => number,
];

/** What the figures of one table have in common. Without more: of the service, and not of requests. */
export type Common = Partial<Pick<Figure, "side" | "eventsPerRequest" | "waitsFor">>;

/** One figure a row, with one sample a round. */
export function figuresOf<Round>(
  common: Common,
  rounds: readonly Round[],
  rows: readonly FigureRow<Round>[],
): Figure[] {
  const shared = { side: "millrace", eventsPerRequest: undefined, waitsFor: undefined, ...common };
  return rows.map(([name, unit, better, pick]) => ({ ...shared, name, unit, better, samples: rounds.map(pick) }));
}

/** What a figure of the service should reach. */
export function goal(name: string, bound: Goal["bound"]): Goal {
  return { side: "millrace", name, bound };
}

/** A bar for each figure, as long as its median; `nameOf` gives its name. */
export function barsOf(
  { title, unit }: { title: string; unit: string },
  figures: readonly Figure[],
  nameOf: (figure: Figure) => string,
): Plot {
  const bars = figures.map((figure) => ({ name: nameOf(figure), value: median(figure.samples), note: "" }));
  return { kind: "bars", title, unit, bars };
}

/** A number of events for a sentence: `1,000,000`. Rounded. */
export function countText(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}
