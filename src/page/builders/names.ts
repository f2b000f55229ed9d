/** Names to choose from: events and properties, the most frequent first. */
import { useAnswer } from "../service/use-answer.ts";
import { eventNamesSql, propertyNamesSql, type Range } from "./builder-sql.ts";

/** A name, and how many events have it. */
export type CountedName = { readonly name: string; readonly events: number };

/** Names of events; empty until they are known. */
export const useEventNames = (): readonly CountedName[] => useNames(eventNamesSql);

/** Names of the properties in a range; empty until they are known. `range` undefined asks nothing. */
export const usePropertyNames = (range: Range | undefined): readonly CountedName[] =>
  useNames(range === undefined ? undefined : propertyNamesSql(range));

function useNames(sql: string | undefined): readonly CountedName[] {
  const { answer } = useAnswer(sql);
  return (answer?.rows ?? []).map(([name, events]) => ({ name: String(name), events: Number(events) }));
}
