/**
 * The recursive parts of the macro `funnel`: how far each unit (a person or a session) came, one step at a time. Both
 * read `hit`, the events of the steps in each unit's order (`place`), and `step`, the steps. They use only sorts and
 * hash tables, so they spill when memory is short, and a unit with a million events costs no more than a million units.
 *
 * Each row is a way to come to a step: the times of its events, and the value of the breakdown at the first step.
 */

/** The events that may be step `next`, which is one past the last of `done`. */
const hitsOfNext = (done: string) =>
  `hit JOIN step USING (number) WHERE step.step = (SELECT max(${done}.step) + 1 FROM ${done})`;

/**
 * Steps in their order: the linear algorithm of ClickHouse's windowFunnel. For each event that ends a chain of steps,
 * only the best chain is kept: the one with the latest start. Starts ascend along the places of a unit, so the best
 * chain to continue is the last one that ended before the event. Of chains with one start, the first to arrive counts.
 * In the order `strict` the last counts instead: only it can have no other event between.
 */
export const orderedChains = `
  SELECT 1::BIGINT AS step, id, place, instant, happened AS started, [happened] AS times, value
  FROM hit WHERE number = 1 AND "order" <> 'any'
  UNION ALL
  SELECT step, id, place, instant, latest.started, list_append(latest.times, happened), latest.value
  FROM (
    SELECT *, last_value(ended IGNORE NULLS) OVER (
      PARTITION BY id ORDER BY place, happened NULLS LAST ROWS UNBOUNDED PRECEDING) AS latest
    FROM (
      SELECT NULL AS step, id, min(place) AS place, NULL AS instant, NULL AS happened, {
        instant: arg_min(instant, place), started: started, times: arg_min(times, place), value: arg_min_null(value, place)
      } AS ended
      FROM chain GROUP BY id, started, CASE WHEN "order" = 'strict' THEN place END
      UNION ALL
      SELECT step.step, id, place, instant, happened, NULL FROM ${hitsOfNext("chain")}
    )
  )
  WHERE happened <= latest.started + within::INTERVAL AND ("order" <> 'strict' OR instant <= latest.instant + 1)`;

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
