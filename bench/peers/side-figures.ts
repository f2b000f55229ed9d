/** Rounds of several sides brought to figures, shares and a picture. Pure. */
import { median } from "../core/method.ts";
import type { Figure, Plot, ScenarioResult } from "../core/result.ts";
import type { Form } from "./peer.ts";
import { eventsPerRequest, type Measured, type Side } from "./sides.ts";

/** One side after all of its rounds, in their order. */
export type SideRounds = {
  side: Pick<Side, "name" | "waitsFor">;
  /** One a round; every side of a comparison has as many. */
  rounds: readonly Measured[];
};

const formNames: Record<Form, string> = { batch: "in batches of 100", single: "one a request" };

/** The name of the figure that says how the service did beside another side. */
export function shareName(side: string, form: Form): string {
  return `millrace / ${side}, ${formNames[form]}`;
}

/** Events a second and latency of each side, and the service's events a second over each other side's, taken within a round. */
export function figuresOf(sides: readonly SideRounds[], form: Form): Figure[] {
  const perRequest = eventsPerRequest(form);
  const ours = sides.find(({ side }) => side.name === "millrace")?.rounds ?? [];
  return sides.flatMap(({ side, rounds }) => {
    const common = { eventsPerRequest: perRequest, waitsFor: side.waitsFor };
    const rate: Figure = {
      ...common,
      side: side.name,
      name: `events/s, ${formNames[form]}`,
      unit: "events/s",
      better: side.name === "millrace" ? "higher" : "neither",
      samples: rounds.map(({ eventsPerSecond }) => eventsPerSecond),
    };
    const latencies = rounds.flatMap(({ p99Ms }) => (p99Ms === undefined ? [] : [p99Ms]));
    const latency: Figure = {
      ...common,
      side: side.name,
      name: `p99, ${formNames[form]}`,
      unit: "ms",
      better: side.name === "millrace" ? "lower" : "neither",
      samples: latencies,
    };
    const share: Figure = {
      ...common,
      side: "millrace",
      name: shareName(side.name, form),
      unit: "share",
      better: "higher",
      samples: ours.map(
        ({ eventsPerSecond }, round) => eventsPerSecond / (rounds[round]?.eventsPerSecond ?? Number.NaN),
      ),
      // Two sides that waited for different things: neither's word stands for the share.
      waitsFor: undefined,
    };
    return [rate, ...(latencies.length > 0 ? [latency] : []), ...(side.name === "millrace" ? [] : [share])];
  });
}

/** The medians as bars, each with what its answer had waited for. */
export function barsOf(sides: readonly SideRounds[], form: Form): Plot {
  return {
    kind: "bars",
    title: `Events ${formNames[form]}`,
    unit: "events/s",
    bars: sides.map(({ side, rounds }) => ({
      name: side.name,
      value: median(rounds.map(({ eventsPerSecond }) => eventsPerSecond)),
      note: side.waitsFor === "nothing kept" ? side.waitsFor : `answer waits for ${side.waitsFor}`,
    })),
  };
}

/** What was counted and what went amiss in all rounds, each line once. */
export function remarksOf(sides: readonly SideRounds[]): Pick<ScenarioResult, "audits" | "warnings"> {
  const all = sides.flatMap(({ rounds }) => rounds);
  return {
    audits: all.flatMap(({ audit }) => (audit === undefined ? [] : [audit])),
    warnings: [...new Set(all.flatMap(({ warnings }) => warnings))],
  };
}
