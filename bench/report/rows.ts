/** The tables of a report, cell by cell: the same on a terminal and on the page. */
import { median } from "../core/method.ts";
import type { Figure, Goal, Run, ScenarioResult } from "../core/result.ts";
import type { Compared, Comparison } from "./compare.ts";

/** One row; its keys are the columns, in order. All rows of a table have the same. */
export type Row = Record<string, string>;

/** Formats a number for people: three significant digits, whole numbers in full, thousands separated. */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) return "no number";
  if (Number.isInteger(value) || Math.abs(value) >= 1_000) return Math.round(value).toLocaleString("en-US");
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return Math.abs(value) >= 0.001 ? value.toPrecision(3) : value.toExponential(1);
}

/** Machine, versions, commit, settings, disk: each with its name. */
export function recordLines({ record }: Run): [name: string, value: string][] {
  const { machine, versions, settings, fdatasync, seconds } = record;
  const sync = ({ p50Ms, p99Ms }: { p50Ms: number; p99Ms: number }) =>
    `p50 ${numberText(p50Ms)} ms, p99 ${numberText(p99Ms)} ms`;
  const pairs = (values: Record<string, string | number | boolean>) =>
    Object.entries(values)
      .map(([name, value]) => `${name} ${value}`)
      .join(", ");
  return [
    [
      "Machine",
      `${machine.cores} x ${machine.processor}, ${machine.memoryGB} GB, Linux ${machine.kernel}, ${machine.fileSystem}`,
    ],
    ["Versions", pairs(versions)],
    ["Commit", record.commit],
    ["Started", `${record.startedAt}, took ${durationText(seconds)}`],
    ["Settings", pairs(settings)],
    ["4 KiB, appended and synced", `${sync(fdatasync.before)} before; ${sync(fdatasync.after)} after`],
  ];
}

/** All goals of a run with what was reached. */
export function goalRows(run: Run): Row[] {
  return run.results.flatMap((result) => result.goals.flatMap((goal) => rowsOfGoal(result, goal)));
}

function rowsOfGoal({ scenario, figures }: ScenarioResult, goal: Goal): Row[] {
  const aim = "atLeast" in goal.bound ? `>= ${goal.bound.atLeast}` : `<= ${goal.bound.atMost}`;
  const meant = figures.filter(({ side, name }) => side === goal.side && name === goal.name);
  const row = { scenario, side: goal.side, figure: goal.name, aim };
  if (meant.length === 0) return [{ ...row, median: "", result: "NOT MEASURED" }];
  return meant.map((figure) => {
    const found = median(figure.samples);
    return {
      ...row,
      median: `${numberText(found)} ${figure.unit}`,
      // A share of nothing, as of a peer that took no event.
      result: !Number.isFinite(found) ? "NOT MEASURED" : isReached(goal, found) ? "reached" : "MISSED",
    };
  });
}

function isReached({ bound }: Goal, found: number): boolean {
  return "atLeast" in bound ? found >= bound.atLeast : found <= bound.atMost;
}

/** The figures of a scenario; columns that would be empty are left out. */
export function figureRows({ figures }: ScenarioResult): Row[] {
  return withoutEmptyColumns(
    figures.map((figure) => ({
      side: figure.side,
      figure: figure.name,
      median: numberText(median(figure.samples)),
      "lowest - highest": rangeText(figure),
      unit: figure.unit,
      rounds: `${figure.samples.length}`,
      "events a request": figure.eventsPerRequest === undefined ? "" : numberText(figure.eventsPerRequest),
      "answer waits for": figure.waitsFor ?? "",
    })),
  );
}

function rangeText({ samples }: Figure): string {
  if (samples.length < 2) return "";
  return `${numberText(Math.min(...samples))} - ${numberText(Math.max(...samples))}`;
}

/** What was compared. */
export function comparisonRows({ comparisons }: Compared): Row[] {
  return withoutEmptyColumns(
    comparisons.map((comparison) => ({
      scenario: comparison.scenario,
      side: comparison.side,
      figure: comparison.name,
      "events a request": comparison.eventsPerRequest === undefined ? "" : numberText(comparison.eventsPerRequest),
      earlier: numberText(comparison.earlier),
      now: numberText(comparison.now),
      unit: comparison.unit,
      change: changeText(comparison),
      verdict: comparison.verdict,
    })),
  );
}

function changeText({ now, earlier }: Comparison): string {
  if (earlier === 0) return now === 0 ? "0 %" : "from 0";
  const percent = (now / earlier - 1) * 100;
  return `${percent > 0 ? "+" : ""}${percent.toFixed(1)} %`;
}

/** Notes needed to read a comparison. */
export function comparisonNotes(compared: Compared): string[] {
  const { earlier, differences, onlyShares, vanished, added, scenariosNotRun } = compared;
  const listed = (title: string, names: readonly string[]) =>
    names.length > 0 ? [`${title}: ${names.join("; ")}`] : [];
  return [
    `Against the run of ${earlier.startedAt}, commit ${earlier.commit}.`,
    ...listed("Warnings of the earlier run", earlier.warnings),
    ...listed("Not the same", differences),
    ...(onlyShares ? ["Machine or versions differ, so only shares and sizes are compared."] : []),
    ...listed("Only in the earlier run", vanished),
    ...listed("Only in this run", added),
    ...listed("Scenarios without figures in this run", scenariosNotRun),
  ];
}

/** All warnings of a run, each with what it is about. */
export function warningLines({ record, results }: Run): string[] {
  return [
    ...record.warnings,
    ...results.flatMap(({ scenario, warnings }) => warnings.map((warning) => `${scenario}: ${warning}`)),
  ];
}

function durationText(seconds: number): string {
  const whole = Math.round(seconds);
  return whole < 120 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

function withoutEmptyColumns(rows: readonly Row[]): Row[] {
  const isFilled = (name: string) => rows.some((row) => row[name] !== "");
  return rows.map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => isFilled(name))));
}
