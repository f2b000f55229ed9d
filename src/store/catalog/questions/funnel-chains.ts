/**
 * The recursive parts of the macro `funnel`: how far each unit (a person or a session) came, one step at a time. They
 * read `hit`, the events of the steps in each unit's order (`place`), and `step`, the steps. They use only sorts and
 * hash tables, so they spill when memory is short, and a unit with a million events costs no more than a million units.
 */

/** SQL expression: greatest for the row that came furthest, the first of them in the unit's order. */
export const firstOfFurthest = "(step << 40) - place";

/** The events that may be step `next`, which is one past the last of `done`. */
const hitsOfNext = (done: string) =>
  `hit JOIN step USING (number) WHERE step.step = (SELECT max(${done}.step) + 1 FROM ${done})`;

/**
 * Steps in their order: the linear algorithm of ClickHouse's windowFunnel. For each event that ends a chain of steps,
 * only the latest start of such a chain is kept. Starts ascend along the places of a unit. So of all chains that an
 * event can continue, the one that ended last before it has the latest start.
 */
export const sequentialChains = `
  SELECT 1::BIGINT AS step, id, place, happened, happened AS started, value
  FROM hit WHERE number = 1 AND "order" = 'sequential'
  UNION ALL
  SELECT step, id, place, happened, latest, NULL
  FROM (
    SELECT *, last_value(started IGNORE NULLS) OVER (
      PARTITION BY id ORDER BY place, started NULLS FIRST ROWS UNBOUNDED PRECEDING) AS latest
    FROM (
      SELECT NULL AS step, id, place, NULL AS happened, started FROM chain
      UNION ALL
      SELECT step.step, id, place, happened, NULL FROM ${hitsOfNext("chain")}
    )
  )
  WHERE happened <= latest + within::INTERVAL`;

/**
 * Times and value of the chain that counts, from `best`, the end of each unit's: the first to arrive at each step of
 * those with its start.
 */
export const sequentialTries = `
  SELECT id, max(step) AS depth, list(arrived ORDER BY step) AS times, max(value) AS value
  FROM (
    SELECT id, chain.step, min(chain.happened) AS arrived, arg_min_null(chain.value, chain.place) AS value
    FROM chain JOIN (
      SELECT id, max(step) AS depth, arg_max(started, ${firstOfFurthest}) AS started FROM chain GROUP BY id
    ) AS best USING (id, started)
    WHERE chain.step <= best.depth GROUP BY id, chain.step
  )
  GROUP BY id`;

/**
 * Steps in their order and nothing between: as above, but the chain to continue must have ended at the same instant as
 * the event or at the one before it. Of the chains that an event can continue, the last counts.
 */
export const strictChains = `
  SELECT 1::BIGINT AS step, id, place, instant, happened AS started, [happened] AS times, value
  FROM hit WHERE number = 1 AND "order" = 'strict'
  UNION ALL
  SELECT step, id, place, instant, latest.started, list_append(latest.times, happened), latest.value
  FROM (
    SELECT *, last_value(ended IGNORE NULLS) OVER (
      PARTITION BY id ORDER BY place, happened NULLS LAST ROWS UNBOUNDED PRECEDING) AS latest
    FROM (
      SELECT NULL AS step, id, place, NULL AS instant, NULL AS happened,
        {instant: instant, started: started, times: times, value: value} AS ended
      FROM adjacent
      UNION ALL
      SELECT step.step, id, place, instant, happened, NULL FROM ${hitsOfNext("adjacent")}
    )
  )
  WHERE happened <= latest.started + within::INTERVAL AND instant <= latest.instant + 1`;

/**
 * Steps in any order: for each event, the latest events of the first steps up to it. If they are within the interval,
 * the unit did these steps. A name that is listed for the second time takes the second latest event of that name.
 */
export const gatheredSteps = `
  SELECT 0::BIGINT AS step, id, place, happened, []::TIMESTAMP[] AS times, NULL::VARCHAR AS value
  FROM hit WHERE "order" = 'any'
  UNION ALL
  SELECT step + 1, id, place, happened, list_append(times, latest.happened),
    CASE step WHEN 0 THEN latest.value ELSE value END
  FROM (
    SELECT *, last_value(seen IGNORE NULLS) OVER (
      PARTITION BY id ORDER BY place, step NULLS FIRST ROWS UNBOUNDED PRECEDING) AS latest
    FROM (
      SELECT step, id, place, happened, times, value, NULL AS seen FROM gathered
      UNION ALL
      SELECT NULL, id, place, NULL, NULL, NULL,
        {happened: lag(happened, occurrence - 1) OVER (PARTITION BY id ORDER BY place), value: value}
      FROM ${hitsOfNext("gathered")}
    )
  )
  WHERE step IS NOT NULL AND happened <= latest.happened + within::INTERVAL`;
