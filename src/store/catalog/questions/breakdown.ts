/** The macro `breakdown`: the values of a property. */
import type { CatalogItem } from "../item.ts";
import { withPerson } from "../person.ts";
import { pointerOf } from "./property.ts";
import { inRange, rangeDefaults, rangeWords } from "./range.ts";

/** SQL expression: a property by its name, which may hold any character. */
const value = "(properties->>(SELECT pointer FROM checked))";

/** The macro. */
export const breakdown: CatalogItem = {
  kind: "macro",
  name: "breakdown",
  parameters: ["property"],
  defaults: { n: "10", ...rangeDefaults },
  query: `
    WITH checked AS (
      SELECT CASE WHEN property IS NULL THEN error('breakdown: property must be the name of a property, not NULL')
        ELSE ${pointerOf("property")} END AS pointer
    )
    SELECT ${value} AS value, count(*) AS events, count(DISTINCT person) AS people
    FROM (${withPerson()}) WHERE ${inRange}
    GROUP BY 1 ORDER BY events DESC, value NULLS LAST LIMIT n`,
  comment: {
    meaning: `The n most frequent values of a property: value (as a string), events, people. Events without it, or with null, count under NULL; equal counts come in the order of values. For one inside of another, take top(properties->>'$.cart.currency'). ${rangeWords}`,
    example: "WITH events AS (SELECT * FROM events WHERE event_name = 'purchase') FROM breakdown('currency')",
  },
};
