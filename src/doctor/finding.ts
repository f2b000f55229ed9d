/** The doctor's verdict on one check. */

/** `warn` needs a person, `fail` keeps a service from starting or from accepting events; `advice` says what to do. */
export type Finding =
  | { level: "ok"; about: string; text: string }
  | { level: "warn" | "fail"; about: string; text: string; advice: string };

/** A finding that needs no action. */
export const ok = (about: string, text: string): Finding => ({ level: "ok", about, text });

/** A finding that needs a person. */
export const warn = (about: string, text: string, advice: string): Finding => ({ level: "warn", about, text, advice });

/** A finding that keeps a service from starting or from accepting events. */
export const fail = (about: string, text: string, advice: string): Finding => ({ level: "fail", about, text, advice });

/** One line: the level, what was checked, what was found, and what to do. */
export function findingLine(finding: Finding): string {
  const found = `${finding.level.padEnd(4)}  ${finding.about}: ${finding.text}`.replaceAll("\n", " ");
  return finding.level === "ok" ? found : `${found}; ${finding.advice}`.replaceAll("\n", " ");
}
