/** Rows of the macro `funnel` as funnels, one for each value of the breakdown. Pure. */

/** One step, and who came as far. */
export type FunnelStep = {
  readonly step: number;
  readonly eventName: string;
  readonly reached: number;
  /** From 0 to 1; undefined: nobody did the first step. */
  readonly ofFirst: number | undefined;
  readonly ofPrevious: number | undefined;
  /** Who did the step before and not this one; undefined for the first. */
  readonly left: number | undefined;
  readonly medianSeconds: number | undefined;
};

/** The steps of one value; `value` undefined: of all. */
type Funnel = { readonly value: string | undefined; readonly steps: readonly FunnelStep[] };

/**
 * Finds columns by name, so that more of them do no harm. The values stay in the macro's order: those with the most
 * people first, the rest of them last. `isBrokenDown`: a value of NULL is one of the values, and not all.
 */
export function funnelsOf(
  { columns, rows }: { columns: readonly { name: string }[]; rows: readonly (readonly unknown[])[] },
  isBrokenDown: boolean,
): Funnel[] {
  const at = (name: string) => columns.findIndex((column) => column.name === name);
  const places = {
    step: at("step"),
    eventName: at("event_name"),
    reached: at("reached"),
    ofFirst: at("of_first"),
    ofPrevious: at("of_previous"),
    median: at("median_seconds"),
    breakdown: at("breakdown"),
  };
  const groups = Map.groupBy(rows, (row) => (places.breakdown < 0 ? undefined : row[places.breakdown]));
  return [...groups].map(([value, own]): Funnel => {
    const ordered = own.toSorted((a, b) => Number(a[places.step]) - Number(b[places.step]));
    const steps = ordered.map((row, index): FunnelStep => {
      const reached = Number(row[places.reached]);
      const before = ordered[index - 1];
      return {
        step: Number(row[places.step]),
        eventName: String(row[places.eventName]),
        reached,
        ofFirst: numberOf(row[places.ofFirst]),
        ofPrevious: numberOf(row[places.ofPrevious]),
        left: before === undefined ? undefined : Number(before[places.reached]) - reached,
        medianSeconds: numberOf(row[places.median]),
      };
    });
    return { value: isBrokenDown ? String(value ?? "without a value") : undefined, steps };
  });
}

const numberOf = (value: unknown) => (typeof value === "number" ? value : undefined);
