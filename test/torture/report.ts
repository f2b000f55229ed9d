/** What a run of the torture prints at its end. */
import type { Outcome } from "./scenario.ts";

/** The totals of a scenario. */
export interface Tally {
  readonly name: string;
  rounds: number;
  /** Kills, cuts, requests, changed bytes: what the rounds did. */
  faults: number;
  /** Rounds that broke a promise. */
  failed: number;
  acknowledged: number;
  lost: number;
  twice: number;
  other: number;
  refused: number;
  worstRecoveryMs: number;
  /** Why it did not run; undefined if it ran. */
  readonly skipped: string | undefined;
}

/** An empty tally. */
export const emptyTally = (name: string, skipped?: string): Tally => ({
  name,
  rounds: 0,
  faults: 0,
  failed: 0,
  acknowledged: 0,
  lost: 0,
  twice: 0,
  other: 0,
  refused: 0,
  worstRecoveryMs: 0,
  skipped,
});

/** Adds a round. */
export function addOutcome(tally: Tally, outcome: Outcome): void {
  const count = (kind: string) => outcome.broken.filter((each) => each.kind === kind).length;
  tally.rounds += 1;
  tally.faults += outcome.faults ?? 1;
  tally.failed += outcome.broken.length > 0 ? 1 : 0;
  tally.acknowledged += outcome.acknowledged;
  tally.lost += count("lost");
  tally.twice += count("twice");
  tally.other += count("other");
  tally.refused += outcome.refused;
  tally.worstRecoveryMs = Math.max(tally.worstRecoveryMs, outcome.recoveryMs);
}

const heads = [
  "fault",
  "rounds",
  "faults",
  "acknowledged",
  "lost",
  "twice",
  "other",
  "refused clearly",
  "worst recovery",
];

/** The table in Markdown, for a terminal and for a README. */
export function tableOf(tallies: readonly Tally[]): string {
  const rows = tallies.map((tally) =>
    tally.skipped === undefined
      ? [
          tally.name,
          ...[tally.rounds, tally.faults, tally.acknowledged, tally.lost, tally.twice, tally.other, tally.refused].map(
            grouped,
          ),
          `${(tally.worstRecoveryMs / 1000).toFixed(1)} s`,
        ]
      : [tally.name, `skipped: ${tally.skipped}`, "", "", "", "", "", "", ""],
  );
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join(" | ")} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [line(heads), rule, ...rows.map(line)].join("\n");
}

const grouped = (value: number) => value.toLocaleString("en-US");
