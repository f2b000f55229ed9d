/** The views over events: each event, their hours, their sessions, who did them. */
import { hourlyQuery, rollupQuery } from "../segment/rollup.ts";
import { segmentsQuery, unionOf } from "../segment/segments-query.ts";
import type { CatalogItem } from "./item.ts";
import { withPerson } from "./person.ts";
import { sessionGap } from "./session.ts";
import { sessionsQuery } from "./sessions.ts";

/** Where events are. */
type EventSources = {
  /** Names of the segments. */
  files: readonly string[];
  /** Returns an SQL expression for the list of the paths of some of them. */
  listOf: (files: readonly string[]) => string;
  /** SELECT of what is not sealed, in the columns of `events`; undefined if nothing of it is to be shown. */
  unsealed: string | undefined;
};

/** The views `events`, `events_hourly`, `sessions` and `persons`. */
export const eventViews = (sources: EventSources): CatalogItem[] => [
  eventsView(sources),
  hourlyView(sources),
  sessionsView,
  personsView,
];

/** Selects what is sealed and what is not. */
const allOf = (sealed: string, unsealed: string | undefined) =>
  unionOf(unsealed === undefined ? [sealed] : [sealed, unsealed]);

function eventsView({ files, listOf, unsealed }: EventSources): CatalogItem {
  return {
    kind: "view",
    name: "events",
    query: allOf(segmentsQuery({ table: "events", files, listOf }), unsealed),
    comment: {
      meaning: "Every event, as it was sent, in no order.",
      example: "SELECT category, count(*) FROM events GROUP BY category",
    },
    columns: {
      event_id: {
        meaning: "The client's id of the event, or a UUIDv7 that the server made.",
        example: "SELECT * FROM events WHERE event_id = '01900000-0000-7000-8000-000000000000'",
      },
      timestamp: {
        meaning: "When it happened, as the client says; the time of its arrival where the client says nothing.",
        example: `SELECT count(*) FROM events WHERE "timestamp" >= now() - INTERVAL 1 DAY`,
      },
      received_at: {
        meaning: "When the server accepted it.",
        example: `SELECT max(received_at - "timestamp") AS latest FROM events`,
      },
      subject: {
        meaning: "The subject of the token that it was sent with.",
        example: "SELECT subject, count(*) FROM events GROUP BY subject",
      },
      user_id: {
        meaning: "Who did it, known by name: the client's own id of the user.",
        example: "SELECT user_id, count(*) FROM events WHERE user_id IS NOT NULL GROUP BY user_id",
      },
      anonymous_id: {
        meaning: "Who did it, known by device: an id of the browser or the installation.",
        example: "SELECT count(DISTINCT anonymous_id) FROM events WHERE user_id IS NULL",
      },
      properties: {
        meaning: "JSON object, numbers with the digits that they were sent with.",
        example: "SELECT avg(TRY_CAST(properties->>'amount' AS DOUBLE)) FROM events WHERE event_name = 'purchase'",
      },
    },
  };
}

function hourlyView({ files, listOf, unsealed }: EventSources): CatalogItem {
  const sealed = segmentsQuery({ table: "rollup", files, listOf });
  return {
    kind: "view",
    name: "events_hourly",
    query: hourlyQuery(allOf(sealed, unsealed && rollupQuery(`(${unsealed})`))),
    comment: {
      meaning:
        "Events counted by hour, category, priority and name: the same sums as over events, without reading them.",
      example: "SELECT hour, sum(events) FROM events_hourly GROUP BY hour ORDER BY hour",
    },
    columns: {
      hour: {
        meaning: "Start of an hour of the clock in UTC, by timestamp.",
        example: "SELECT sum(events) FROM events_hourly WHERE hour >= now() - INTERVAL 1 DAY",
      },
    },
  };
}

const sessionsView: CatalogItem = {
  kind: "view",
  name: "sessions",
  query: sessionsQuery({ gap: sessionGap }),
  comment: {
    meaning:
      "The events of one session_id, or without one of one person, without a pause of more than 30 minutes: one row for each such stretch. Events with neither are in no session. sessions(gap := …) takes another pause.",
    example: "SELECT entry_page, count(*), avg(duration) FROM sessions GROUP BY entry_page",
  },
  columns: {
    session_id: {
      meaning: "The session_id of the events; NULL where they have none. One may have several sessions.",
      example: "SELECT session_id, count(*) FROM sessions GROUP BY session_id HAVING count(*) > 1",
    },
    end: {
      meaning: "The timestamp of the last event; the name is a word of SQL and wants quotes.",
      example: `SELECT session_id FROM sessions WHERE "end" >= now() - INTERVAL 1 HOUR`,
    },
    entry_page: {
      meaning: "page_url of the first event that has one (where several are at that instant, always the same one).",
      example: "SELECT entry_page, count(*) FROM sessions GROUP BY entry_page",
    },
    exit_page: {
      meaning: "page_url of the last event that has one (where several are at that instant, always the same one).",
      example: "SELECT exit_page, count(*) FROM sessions GROUP BY exit_page",
    },
    session: {
      meaning: "A name for this session alone: of session_id or person, and of the start.",
      example: "SELECT count(DISTINCT session) = count(*) AS is_unique FROM sessions",
    },
    person: {
      meaning: "The person of the first event that has one.",
      example: "SELECT person, count(*) FROM sessions GROUP BY person",
    },
    bounce: {
      meaning: "Whether it is a single event.",
      example: "SELECT entry_page, avg(bounce::INTEGER) AS bounce_rate FROM sessions GROUP BY entry_page",
    },
    referrer: {
      meaning: "The referrer of the event of entry_page; without one, of the first event.",
      example: "SELECT referrer, count(*) FROM sessions GROUP BY referrer",
    },
    utm_source: {
      meaning:
        "utm_source in the URL entry_page, decoded; utm_medium, utm_campaign, utm_term and utm_content likewise.",
      example: "SELECT utm_source, utm_medium, count(*) FROM sessions GROUP BY ALL",
    },
    channel: {
      meaning:
        "Where it came from, after the default channel groups of Google Analytics 4: Direct, Organic Search, Paid Search, Organic Social, Paid Social, Email, Referral and so on; Unassigned where no rule holds.",
      example: "SELECT channel, count(*) FROM sessions GROUP BY channel ORDER BY count(*) DESC",
    },
  },
};

const personsView: CatalogItem = {
  kind: "view",
  name: "persons",
  // Every event of a person that carries a user_id carries that of the person.
  query: `
    SELECT person, max(user_id) AS user_id, min("timestamp") AS first_seen, max("timestamp") AS last_seen,
      count(*) AS events
    FROM (${withPerson()}) WHERE person IS NOT NULL GROUP BY person`,
  comment: {
    meaning:
      "Everybody who did something, known by name or not. Events without a user_id, an anonymous_id and a client_id are nobody's.",
    example: "SELECT person, events FROM persons ORDER BY last_seen DESC LIMIT 20",
  },
  columns: {
    person: {
      meaning:
        "The user_id; or the user of the earliest event that carries both this anonymous_id and a user_id (of several at that instant, the smallest); or the anonymous_id; or the client_id.",
      example: "SELECT * FROM persons WHERE person = 'u-1'",
    },
    user_id: {
      meaning: "The user, where the person is known by name.",
      example: "SELECT count(user_id) AS known, count(*) - count(user_id) AS unknown FROM persons",
    },
    first_seen: {
      meaning: "The timestamp of the first event.",
      example: "SELECT first_seen::DATE AS day, count(*) AS new FROM persons GROUP BY day ORDER BY day",
    },
    last_seen: {
      meaning: "The timestamp of the last event.",
      example: "SELECT count(*) FROM persons WHERE last_seen >= now() - INTERVAL 7 DAY",
    },
  },
};
