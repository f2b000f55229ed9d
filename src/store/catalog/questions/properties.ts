/** The macro `properties`: which properties events have. */
import { integer } from "../../sql/literals.ts";
import type { CatalogItem } from "../item.ts";
import { inRange, rangeDefaults, rangeWords } from "./range.ts";

/** Longest example. Characters. */
const exampleMax = 100;

/** The macro. */
export const properties: CatalogItem = {
  kind: "macro",
  name: "properties",
  parameters: [],
  defaults: rangeDefaults,
  query: `
    SELECT name, list_sort(list(DISTINCT type)) AS types, count(*) AS events,
      coalesce(approx_top_k(example, 3), []) AS examples
    FROM (
      SELECT property.key AS name, left(property.value->>'$', ${integer(exampleMax)}) AS example,
        CASE property.type WHEN 'VARCHAR' THEN 'string' WHEN 'BOOLEAN' THEN 'boolean' WHEN 'OBJECT' THEN 'object'
          WHEN 'ARRAY' THEN 'array' WHEN 'NULL' THEN 'null' ELSE 'number' END AS type
      FROM events, json_each(events.properties) AS property WHERE ${inRange}
    )
    GROUP BY name ORDER BY events DESC, name`,
  comment: {
    meaning: `The properties that events have: name, types (of JSON), events that have it, and as examples up to three of the most frequent values, each cut at ${exampleMax} characters. ${rangeWords}`,
    example: "FROM properties(since := now() - INTERVAL 7 DAY)",
  },
};
