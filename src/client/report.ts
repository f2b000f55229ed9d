/** Telling the application about events that will not be sent. */
import type { ClientOptions, DropReason } from "./types.ts";

/** Reports events that will not be sent. */
export type OnDrop = (count: number, reason: DropReason, detail?: string) => void;

/** Calls the application's function and survives it. Without one, warns on the console once for each reason. */
export function reporterOf(given: ClientOptions["onDrop"]): OnDrop {
  const warned = new Set<DropReason>(["opted_out"]);
  let isReporting = false;
  return (...told) => {
    const [, reason] = told;
    // A function that tracks what it is told about would otherwise call itself without end.
    if (isReporting) return;
    isReporting = true;
    try {
      if (given) given(...told);
      else if (!warned.has(reason)) console.warn("millrace dropped events:", ...told);
      warned.add(reason);
    } catch (error) {
      console.warn(error);
    }
    isReporting = false;
  };
}
