/**
 * The short way to the same files: Elysia checks, and each request is one INSERT on one connection to one DuckDB file.
 */
import { randomUUID } from "node:crypto";
import { DuckDBInstance } from "@duckdb/node-api";
import { jwt } from "@elysiajs/jwt";
import { Elysia, t } from "elysia";
import { recordOf } from "../../../src/base/record.ts";
import { categories, priorities } from "../../../src/event/categories.ts";
import { eventColumns, journalType } from "../../../src/event/columns.ts";
import { fieldNames, stringNames } from "../../../src/event/fields.ts";
import { batchEventsMax, eventNameCodePointsMax } from "../../../src/event/limits.ts";

const string = t.Optional(t.Nullable(t.String()));

const eventSchema = t.Object({
  event_name: t.String({ minLength: 1, maxLength: eventNameCodePointsMax }),
  category: t.Optional(t.UnionEnum(categories)),
  priority: t.Optional(t.UnionEnum(priorities)),
  properties: t.Optional(t.Nullable(t.Record(t.String(), t.Unknown()))),
  timestamp: t.Optional(t.Nullable(t.Union([t.String(), t.Number()]))),
  ...recordOf(stringNames, () => string),
});

const batchSchema = t.Object({
  events: t.Array(eventSchema, { minItems: 1, maxItems: batchEventsMax }),
  client_id: string,
});

/** The words of an ENUM are strings here. */
const columns = recordOf(fieldNames, (name) => journalType(eventColumns[name]));

const instance = await DuckDBInstance.create(process.env["DATABASE_PATH"] ?? "");
const connection = await instance.connect();
const definitions = Object.entries(columns).map(([name, type]) => `${name} ${type}`);
await connection.run(`CREATE TABLE IF NOT EXISTS events (${definitions.join(", ")})`);
// One string for all rows of a request is one parameter to bind, whatever their number.
const insertion = await connection.prepare(
  `INSERT INTO events SELECT unnest(from_json($1::JSON, '${JSON.stringify([columns])}'), recursive := true)`,
);

/** What waits for the connection, which does one thing at a time. */
let inserted: Promise<unknown> = Promise.resolve();

/** Inserts all of a request's events and returns once they are committed. */
async function insert(
  events: readonly (typeof eventSchema.static)[],
  { clientId, subject, now }: { clientId: string | null; subject: string; now: string },
): Promise<string[]> {
  const ids = events.map(() => randomUUID());
  const rows = events.map((event, index) => ({
    ...event,
    category: event.category ?? "user_action",
    priority: event.priority ?? "medium",
    event_id: ids[index],
    timestamp: typeof event.timestamp === "number" ? new Date(event.timestamp).toISOString() : (event.timestamp ?? now),
    received_at: now,
    subject,
    client_id: clientId,
  }));
  const mine = inserted.then(() => {
    insertion.bindVarchar(1, JSON.stringify(rows));
    return insertion.run();
  });
  // A request that failed says so itself, and holds up none behind it.
  inserted = mine.catch(() => undefined);
  await mine;
  return ids;
}

const app = new Elysia()
  .use(jwt({ name: "tokens", secret: process.env["JWT_SECRET"] ?? "" }))
  .derive(async ({ tokens, headers }) => {
    const claims = await tokens.verify(headers["authorization"]?.replace(/^Bearer /, ""));
    return { subject: claims === false ? undefined : (claims.sub ?? "") };
  })
  .onBeforeHandle(({ subject, status }) =>
    subject === undefined ? status(401, { detail: "Invalid token" }) : undefined,
  )
  .post(
    "/api/v1/analytics",
    async ({ body, subject = "" }) => {
      const now = new Date().toISOString();
      const [id] = await insert([body], { subject, clientId: null, now });
      return { success: true, event_id: id, message: "Event tracked", timestamp: now };
    },
    { body: eventSchema },
  )
  .post(
    "/api/v1/analytics/batch",
    async ({ body, subject = "" }) => {
      const now = new Date().toISOString();
      await insert(body.events, { subject, clientId: body.client_id ?? null, now });
      const count = body.events.length;
      const counts = { events_received: count, events_queued: count, events_failed: 0 };
      return { success: true, ...counts, message: "Batch tracked", timestamp: now };
    },
    { body: batchSchema },
  )
  .listen({ hostname: "127.0.0.1", port: 0 });

console.log(`listening on http://127.0.0.1:${app.server?.port}`);
