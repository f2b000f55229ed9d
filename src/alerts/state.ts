/** The states of alerts on disk, so that a restart neither repeats a change nor loses one. */
import { keepJson, readKeptJson } from "../store/folder/kept-file.ts";
import type { DataFolder } from "../store/folder/names.ts";

/** What an alert found when its state changed last. */
export type AlertState = {
  state: "firing" | "resolved";
  value: number;
  /** ISO 8601 in UTC: when the value was measured. */
  at: string;
  /** Whether the webhook has taken it. */
  isSent: boolean;
};

/** States by the name of the alert. An alert that never fired has none. */
export type AlertStates = Map<string, AlertState>;

/** Writes the states, durably. */
export function keepAlertStates(folder: DataFolder, states: AlertStates): void {
  keepJson(folder.alerts, { states: Object.fromEntries(states) });
}

/** Reads the states. `problem`: the file is damaged, so no alert has a state. */
export function readAlertStates(folder: DataFolder): { states: AlertStates; problem: string | undefined } {
  const kept = readKeptJson(folder.alerts);
  const states: AlertStates = new Map();
  if (kept.kind === "missing") return { states, problem: undefined };
  const problem =
    "alerts.json is damaged: which alerts had fired is not known, so those that fire now are sent again as new";
  if (kept.kind === "damaged") return { states, problem };
  for (const [name, each] of Object.entries(Object(kept.value["states"]))) {
    const { state, value, at, isSent } = Object(each);
    const isState = state === "firing" || state === "resolved";
    if (!isState || typeof value !== "number" || typeof at !== "string" || typeof isSent !== "boolean")
      return { states: new Map(), problem };
    states.set(name, { state, value, at, isSent });
  }
  return { states, problem: undefined };
}
