/** The macro `paths`: what people do after an event or a page. */
import { digits, integer } from "../../sql/literals.ts";
import type { CatalogItem } from "../item.ts";
import { keyedEvents, sessionGap } from "../session.ts";
import { inRange, rangeDefaults, rangeWords } from "./range.ts";

/** A picture of more steps says nothing any more. */
const depthMax = 20;

const steps = "(SELECT steps FROM checked)";

/** SQL expression: a page without the parts of its URL that differ from visit to visit. */
const page = "split_part(split_part(page_url, '#', 1), '?', 1)";

/** The macro. */
export const paths: CatalogItem = {
  kind: "macro",
  name: "paths",
  parameters: ["start"],
  defaults: { depth: "3", ...rangeDefaults },
  query: `
    WITH checked AS (
      SELECT CASE WHEN start IS NULL THEN error('paths: start must be the name of an event or a page, not NULL')
        WHEN depth BETWEEN 1 AND ${integer(depthMax)} THEN depth::INTEGER
        ELSE error('paths: depth must be from 1 to ${digits(depthMax)}, not ' || coalesce(depth::VARCHAR, 'NULL')) END AS steps
    ),
    kind AS (SELECT coalesce(bool_or(event_name = start), false) AS is_event FROM events WHERE ${inRange}),
    happened AS (
      SELECT CASE WHEN kind.is_event THEN event_name ELSE ${page} END AS node, person, t, event_id,
        CASE WHEN session_id IS NULL THEN 'p' || lone ELSE 's' || session_id END AS key
      FROM (${keyedEvents}), kind WHERE ${inRange}
    ),
    ordered AS (
      SELECT *, row_number() OVER one AS place,
        CASE WHEN t - lag(t) OVER one <= epoch_us(${sessionGap}) THEN 0 ELSE 1 END AS is_new
      FROM happened WHERE key IN (SELECT key FROM happened WHERE node = start)
      WINDOW one AS (PARTITION BY key ORDER BY t, event_id)
    ),
    numbered AS (SELECT *, sum(is_new) OVER (PARTITION BY key ORDER BY place) AS number FROM ordered),
    stopped AS (
      SELECT *, lag(node) OVER (PARTITION BY key, number ORDER BY place) AS before FROM numbered WHERE node IS NOT NULL
    ),
    walked AS (
      SELECT *, sum((node = start)::INTEGER) OVER (PARTITION BY key, number ORDER BY place) AS starts
      FROM stopped WHERE node IS DISTINCT FROM before
    ),
    path AS (
      SELECT arg_min(person, place) AS person, list(node ORDER BY place)[:${steps} + 1] AS nodes
      FROM walked WHERE starts > 0 GROUP BY key, number
    ),
    walk AS (
      SELECT person, unnest(range(1, least(len(nodes), ${steps}) + 1)) AS step, nodes FROM path
    )
    SELECT step, nodes[step] AS previous, nodes[step + 1] AS value, count(*) AS sessions,
      count(DISTINCT person) AS people
    FROM walk GROUP BY step, previous, value ORDER BY step, sessions DESC, previous, value NULLS LAST`,
  comment: {
    meaning: `What comes after an event, by its name, or, where no event has that name, after a page (page_url without ? and # and what follows): step from 1 to depth, at most ${depthMax}, previous, value (NULL: the session ended), sessions, people. A session counts from the first such event in it; one that comes again at once counts once. ${rangeWords}`,
    example: "FROM paths('view_item', depth := 2)",
  },
};
