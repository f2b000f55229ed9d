/** A run as text: Markdown whose tables are aligned, to be read on a terminal. */
import type { Run, ScenarioResult } from "../core/result.ts";
import type { Compared } from "./compare.ts";
import { comparisonNotes, comparisonRows, figureRows, goalRows, type Row, recordLines, warningLines } from "./rows.ts";

/** The whole report, without a line break at its end. */
export function reportText(run: Run, compared: Compared | undefined): string {
  return [
    "# Millrace, measured",
    recordLines(run)
      .map(([name, value]) => `- ${name}: ${value}`)
      .join("\n"),
    ...section(
      "Without figures",
      run.failures.map(({ scenario, kind, reason }) => `- ${scenario} (${kind}): ${reason}`),
    ),
    ...section(
      "Warnings",
      warningLines(run).map((warning) => `- ${warning}`),
    ),
    ...section("Goals", tableLines(goalRows(run))),
    ...(compared === undefined ? [] : comparison(compared)),
    ...run.results.flatMap(scenario),
  ].join("\n\n");
}

function scenario(result: ScenarioResult): string[] {
  const { audits, skipped } = result;
  return [
    ...section(result.scenario, [result.about]),
    ...block(tableLines(figureRows(result))),
    ...block(audits.map((audit) => `Audit: ${audit}`)),
    ...block(skipped.map(({ side, reason }) => `Skipped: ${side}: ${reason}`)),
  ];
}

function comparison(compared: Compared): string[] {
  return [...section("Comparison", comparisonNotes(compared)), ...block(tableLines(comparisonRows(compared)))];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`## ${title}`, ...block(lines)];
}

function block(lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [lines.join("\n")];
}

/** A Markdown table with padded cells; columns of numbers stand to the right. No lines without rows. */
export function tableLines(rows: readonly Row[]): string[] {
  const columns = Object.keys(rows[0] ?? {}).map((name) => {
    const cells = rows.map((row) => row[name] ?? "");
    return {
      name,
      isNumber: isNumberColumn(cells),
      width: Math.max(3, name.length, ...cells.map((cell) => cell.length)),
    };
  });
  if (columns.length === 0) return [];
  const line = (cellOf: (name: string) => string) =>
    `| ${columns
      .map(({ name, width, isNumber }) => (isNumber ? cellOf(name).padStart(width) : cellOf(name).padEnd(width)))
      .join(" | ")} |`;
  const rule = columns.map(({ width, isNumber }) => `${"-".repeat(width + (isNumber ? 1 : 2))}${isNumber ? ":" : ""}`);
  return [line((name) => name), `|${rule.join("|")}|`, ...rows.map((row) => line((name) => row[name] ?? ""))];
}

/** Whether what stands in a column is compared digit by digit. */
export function isNumberColumn(cells: readonly string[]): boolean {
  return (
    cells.every((cell) => /^([-+\d][\d.,e+-]*( %| - [-\d.,e+]+)?)?$/.test(cell)) && cells.some((cell) => cell !== "")
  );
}
