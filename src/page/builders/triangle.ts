/** The rows of `retention` as a triangle: a row for each cohort, a column for each period later. */

/** A row of `retention`. */
type RetentionRow = {
  readonly cohort: string;
  readonly periodsLater: number;
  readonly people: number;
  /** From 0 to 1. */
  readonly share: number;
};

/** A cohort's cells, by periods later; undefined where no period is over yet. */
type Cohort = {
  readonly cohort: string;
  readonly people: number;
  readonly cells: readonly ({ readonly people: number; readonly share: number } | undefined)[];
};

/** The triangle, and over all cohorts the share that came back, weighted by their people. */
export type Triangle = {
  readonly cohorts: readonly Cohort[];
  readonly average: readonly (number | undefined)[];
};

/** Makes the triangle; the oldest cohort comes first. */
export function triangleOf(rows: readonly RetentionRow[]): Triangle {
  const width = rows.reduce((most, { periodsLater }) => Math.max(most, periodsLater + 1), 0);
  const places = Array.from({ length: width }, (_, at) => at);
  const cohorts = [...Map.groupBy(rows, ({ cohort }) => cohort)]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([cohort, own]): Cohort => {
      const cells = places.map((at) => own.find(({ periodsLater }) => periodsLater === at));
      return { cohort, people: cells[0]?.people ?? 0, cells };
    });
  const average = places.map((at) => {
    const known = cohorts.filter(({ cells }) => cells[at] !== undefined);
    const all = known.reduce((sum, { people }) => sum + people, 0);
    return all === 0 ? undefined : known.reduce((sum, { cells }) => sum + (cells[at]?.people ?? 0), 0) / all;
  });
  return { cohorts, average };
}

/** Rows of the macro as the triangle takes them. Columns are found by name, so that more of them do no harm. */
export function retentionRows(
  columns: readonly { name: string }[],
  rows: readonly (readonly unknown[])[],
): RetentionRow[] {
  const at = (name: string) => columns.findIndex((column) => column.name === name);
  const [cohort, later, people, share] = [at("cohort"), at("periods_later"), at("people"), at("share")];
  return rows.map((row) => ({
    cohort: String(row[cohort]),
    periodsLater: Number(row[later]),
    people: Number(row[people]),
    share: Number(row[share]),
  }));
}

/** How many events have no id of a person, as each row of the macro says. */
export function eventsWithoutId(columns: readonly { name: string }[], rows: readonly (readonly unknown[])[]): number {
  const at = columns.findIndex(({ name }) => name === "events_without_id");
  return Number(rows[0]?.[at] ?? 0);
}
