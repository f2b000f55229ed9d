/** The macro `top`: the most frequent values. */
import type { CatalogItem } from "../item.ts";
import { inRange, rangeDefaults, rangeWords } from "./range.ts";

/** The macro. */
export const top: CatalogItem = {
  kind: "macro",
  name: "top",
  parameters: ["column"],
  defaults: { n: "10", ...rangeDefaults },
  query: `
    SELECT "column" AS value, count(*) AS events
    FROM events WHERE ${inRange} GROUP BY 1 ORDER BY events DESC, value NULLS LAST LIMIT n`,
  comment: {
    meaning: `The n most frequent values of a column or expression over events: value, events. Events without one count under NULL; equal counts come in the order of values. ${rangeWords}`,
    example: "FROM top(page_url, 10)",
  },
};
