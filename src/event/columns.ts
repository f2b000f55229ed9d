/** The columns of `events` and of `events_hourly`: names and SQL types, in the order of the table. */
import { categories, priorities } from "./schema.ts";

const enumOf = (members: readonly string[]) => `ENUM(${members.map((member) => `'${member}'`).join(", ")})`;

/** Columns of the table `events`: name to SQL type. */
export const eventColumns = {
  event_id: "UUID",
  event_name: "VARCHAR",
  category: enumOf(categories),
  priority: enumOf(priorities),
  timestamp: "TIMESTAMPTZ",
  received_at: "TIMESTAMPTZ",
  subject: "VARCHAR",
  client_id: "VARCHAR",
  session_id: "VARCHAR",
  page_url: "VARCHAR",
  referrer: "VARCHAR",
  user_agent: "VARCHAR",
  properties: "JSON",
} as const;

/** Columns of the table `rollup` and of the view `events_hourly`: name to SQL type. */
export const rollupColumns = {
  hour: "TIMESTAMPTZ",
  category: eventColumns.category,
  priority: eventColumns.priority,
  event_name: "VARCHAR",
  events: "BIGINT",
} as const;
