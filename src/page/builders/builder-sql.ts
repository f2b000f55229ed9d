/** The SQL of the builders. Pure. */
import { digits, instant, literal } from "../sql.ts";

/** A stretch of time, ms since 1970: the start is included, the end is not. */
export type Range = { readonly sinceMs: number; readonly untilMs: number };

/** Units in which a person says how long a funnel may take. */
export const withinUnits = ["minute", "hour", "day"] as const;

/** What a funnel is asked. */
export type FunnelQuestion = {
  readonly steps: readonly string[];
  readonly within: number;
  readonly unit: (typeof withinUnits)[number];
  readonly by: "person" | "session";
  readonly order: "sequential" | "strict" | "any";
  /** The name of a property. */
  readonly breakdown: string | undefined;
  readonly range: Range;
};

/** Periods of a retention. */
export const periods = ["day", "week", "month"] as const;

/** What a retention is asked. */
export type RetentionQuestion = {
  readonly period: (typeof periods)[number];
  /** The event that makes the cohort; undefined: every event does. */
  readonly start: string | undefined;
  /** The event that counts as coming back; undefined: every event does. */
  readonly back: string | undefined;
  readonly timeZone: string;
  readonly range: Range;
};

/** Arguments that differ from the macro's defaults are written; the others are left out. */
const call = (macro: string, named: readonly (string | undefined)[]) =>
  `FROM ${macro}(${named.filter((argument) => argument !== undefined).join(", ")})`;

const rangeArguments = ({ sinceMs, untilMs }: Range) => [
  `since := ${instant(sinceMs)}`,
  `until := ${instant(untilMs)}`,
];

/** The statement of a funnel. */
export const funnelSql = ({ steps, within, unit, by, order, breakdown, range }: FunnelQuestion): string =>
  call("funnel", [
    `[${steps.map(literal).join(", ")}]`,
    `INTERVAL ${digits(within)} ${unit.toUpperCase()}`,
    by === "person" ? undefined : `by := ${literal(by)}`,
    order === "sequential" ? undefined : `"order" := ${literal(order)}`,
    breakdown === undefined ? undefined : `breakdown := ${literal(breakdown)}`,
    ...rangeArguments(range),
  ]);

/** The statement of a retention. */
export const retentionSql = ({ period, start, back, timeZone, range }: RetentionQuestion): string =>
  call("retention", [
    literal(period),
    start === undefined ? undefined : `start := ${literal(start)}`,
    back === undefined ? undefined : `"return" := ${literal(back)}`,
    timeZone === "UTC" ? undefined : `tz := ${literal(timeZone)}`,
    ...rangeArguments(range),
  ]);

/** Names of events to choose from, the most frequent first. */
export const eventNamesSql = `SELECT event_name, sum(events) AS events FROM events_hourly
GROUP BY event_name ORDER BY events DESC, event_name LIMIT 500`;

/** Names of properties to break down by, the most frequent first. */
export const propertyNamesSql = (range: Range): string =>
  `SELECT name, events ${call("properties", rangeArguments(range))} ORDER BY events DESC, name LIMIT 200`;
