/** The macro `person_events`: what one person did. */
import type { CatalogItem } from "../item.ts";
import { withPerson } from "../person.ts";
import { checkedRows } from "./checked.ts";
import { inRange, rangeDefaults, rangeWords } from "./range.ts";

/** The macro. */
export const personEvents: CatalogItem = {
  kind: "macro",
  name: "person_events",
  parameters: ["id"],
  defaults: rangeDefaults,
  // The few events that may be this person's are found first: all that carry the id anywhere, and all of a device that
  // was ever used by that user. What decides whose device it is, is among them.
  query: `
    WITH candidate AS (
      SELECT * FROM events
      WHERE user_id = id OR anonymous_id = id OR client_id = id
        OR anonymous_id IN (SELECT anonymous_id FROM events WHERE user_id = id AND anonymous_id IS NOT NULL)
    )
    ${checkedRows(
      `SELECT * EXCLUDE (person), person FROM (${withPerson("candidate")}) WHERE person = id AND ${inRange}`,
      "person",
      [
        {
          when: "id IS NULL",
          message: "'person_events: id must be a person, as the view persons names them, not NULL'",
        },
      ],
    )}
    ORDER BY "timestamp", event_id`,
  comment: {
    meaning: `The events of one person, as persons names them, in order: the columns of events, and person. ${rangeWords}`,
    example: "FROM person_events('u-1')",
  },
};
