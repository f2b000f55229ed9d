/** The macro `breakdown`: the values of a property. */
import type { CatalogItem } from "../item.ts";
import { withPerson } from "../person.ts";
import { checkedRows } from "./checked.ts";
import { pointerOf } from "./property.ts";
import { inRange, rangeDefaults, rangeWords } from "./range.ts";

/** SQL expression: a property by its name, which may hold any character. */
const value = `(properties->>(${pointerOf("property")}))`;

/** The macro. */
export const breakdown: CatalogItem = {
  kind: "macro",
  name: "breakdown",
  parameters: ["property"],
  defaults: { n: "10", ...rangeDefaults },
  query: `
    ${checkedRows(
      `
    SELECT ${value} AS value, count(*) AS events, count(DISTINCT person) AS people
    FROM (${withPerson()}) WHERE ${inRange}
    GROUP BY 1`,
      "value",
      [{ when: "property IS NULL", message: "'breakdown: property must be the name of a property, not NULL'" }],
    )}
    ORDER BY events DESC, value NULLS LAST LIMIT n`,
  comment: {
    meaning: `The n most frequent values of a property: value (as a string), events, people. Events without it, or with null, count under NULL; equal counts come in the order of values. For one inside of another, take top(properties->>'$.cart.currency'). ${rangeWords}`,
    example: "WITH events AS (SELECT * FROM events WHERE event_name = 'purchase') FROM breakdown('currency')",
  },
};
