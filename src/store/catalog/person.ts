/**
 * Who did an event: the one place that decides it, as SQL.
 *
 * The rule. The person of an event is its `user_id`; or the user that its `anonymous_id` belongs to: the `user_id` of
 * the earliest event, by timestamp, that carries both (of several at that instant, the smallest `user_id`); or its
 * `anonymous_id`; or its `client_id`. NULL: the event carries none of them.
 *
 * - An event that carries a `user_id` is that user's, whatever else it carries. So two users never become one person,
 *   also when they share a device: only its events without a `user_id` belong to the first of them.
 * - Ids are compared as strings, whichever column they are in. A device whose id is equal to a user's id is that user.
 * - An empty string is an id like any other, as the column has it.
 */

/**
 * SELECT of the user of each `anonymous_id` that belongs to one: `anonymous_id`, `user_id`. `events` names the relation
 * that is read, and may be the name of a CTE.
 */
const usersOfDevices = (events = "events") => `
  SELECT anonymous_id, arg_min(user_id, (first_both, user_id)) AS user_id
  FROM (
    SELECT anonymous_id, user_id, min("timestamp") AS first_both
    FROM ${events} WHERE anonymous_id IS NOT NULL AND user_id IS NOT NULL GROUP BY anonymous_id, user_id
  )
  GROUP BY anonymous_id`;

/**
 * SELECT of `person` and a relation's columns. All of its rows decide who is whose: select from the answer, and not
 * before, if a part of them is wanted. `events` names the relation, and may be the name of a CTE.
 *
 * Of two columns of one name DuckDB takes the first. So what is computed comes first, here and wherever columns are
 * added to those of `events`: a WITH of that name, of a typed view for example, may bring a column `person`.
 */
export const withPerson = (events = "events") => `
  SELECT coalesce(${events}.user_id, device.user_id, ${events}.anonymous_id, ${events}.client_id) AS person,
    ${events}.*
  FROM ${events} LEFT JOIN (${usersOfDevices(events)}) AS device
    ON device.anonymous_id = CASE WHEN ${events}.user_id IS NULL THEN ${events}.anonymous_id END`;
