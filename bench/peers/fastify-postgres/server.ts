/**
 * The reference's analytics endpoints as a Node service keeps them: Fastify checks, PostgreSQL keeps, one INSERT a
 * request.
 */
import { randomUUID } from "node:crypto";
import jwt from "@fastify/jwt";
import fastify from "fastify";
import pg from "pg";
import { recordOf } from "../../../src/base/record.ts";
import { categories, categoryDefault, priorities, priorityDefault } from "../../../src/event/categories.ts";
import {
  type FieldKind,
  type FieldName,
  fieldNames,
  fields,
  type StringName,
  stringNames,
} from "../../../src/event/fields.ts";
import { batchEventsMax, eventNameCodePointsMax } from "../../../src/event/limits.ts";

type Event = {
  event_name: string;
  category: string;
  priority: string;
  properties: Record<string, unknown> | null;
  timestamp: string | number | null;
} & Record<StringName, string | null>;

const string = { type: "string", nullable: true, default: null };

const eventSchema = {
  type: "object",
  required: ["event_name"],
  properties: {
    event_name: { type: "string", minLength: 1, maxLength: eventNameCodePointsMax },
    category: { type: "string", enum: categories, default: categoryDefault },
    priority: { type: "string", enum: priorities, default: priorityDefault },
    properties: { type: "object", nullable: true, default: null, additionalProperties: true },
    timestamp: { type: ["string", "number", "null"], default: null },
    ...recordOf(stringNames, () => string),
  },
};

const batchSchema = {
  type: "object",
  required: ["events"],
  properties: {
    events: { type: "array", minItems: 1, maxItems: batchEventsMax, items: eventSchema },
    client_id: string,
  },
};

/**
 * Of 64 requests in flight: 10 connections gave fewer events a second, 40 and 64 no more than the noise. Connections.
 */
const connectionsMax = 20;

/** PostgreSQL's type of each kind of field. */
const typeOf = {
  id: "uuid",
  name: "text",
  string: "text",
  enum: "text",
  time: "timestamptz",
  object: "jsonb",
} as const satisfies Readonly<Record<FieldKind, string>>;

const columns = recordOf(fieldNames, (name) => typeOf[fields[name].kind]);

const names = Object.keys(columns).join(", ");
const arrays = Object.values(columns).map((type, index) => `$${index + 1}::${type}[]`);
const insertText = `INSERT INTO events (${names}) SELECT * FROM unnest(${arrays.join(", ")})`;

const pool = new pg.Pool({ max: connectionsMax });
const definitions = Object.entries(columns).map(([name, type]) => `${name} ${type}`);
await pool.query(`CREATE TABLE IF NOT EXISTS events (${definitions.join(", ")}, PRIMARY KEY (event_id))`);

/** Inserts all of a request's events and returns once they are committed. */
async function insert(
  events: readonly Event[],
  { subject, clientId, now }: { subject: string; clientId: string | null; now: Date },
): Promise<string[]> {
  const ids = events.map(() => randomUUID());
  const all = <T>(value: T) => events.map(() => value);
  const of = <T>(pick: (event: Event) => T) => events.map(pick);
  const values: Readonly<Record<FieldName, unknown[]>> = {
    ...recordOf(stringNames, (name) => of((event) => event[name])),
    event_id: ids,
    event_name: of((event) => event.event_name),
    category: of((event) => event.category),
    priority: of((event) => event.priority),
    timestamp: of((event) => (event.timestamp === null ? now : new Date(event.timestamp))),
    received_at: all(now),
    subject: all(subject),
    client_id: all(clientId),
    properties: of((event) => (event.properties === null ? null : JSON.stringify(event.properties))),
  };
  // Named, so that each connection parses it once.
  await pool.query({ name: "insert", text: insertText, values: fieldNames.map((name) => values[name]) });
  return ids;
}

const app = fastify({ logger: false });
await app.register(jwt, {
  secret: process.env["JWT_SECRET"] ?? "",
  verify: { algorithms: ["HS256"], requiredClaims: ["exp"], cache: true },
});
app.addHook("onRequest", async (request) => {
  await request.jwtVerify();
});

function subjectOf(user: unknown): string {
  return typeof user === "object" && user !== null && "sub" in user && typeof user.sub === "string" ? user.sub : "";
}

app.post<{ Body: Event }>("/api/v1/analytics", { schema: { body: eventSchema } }, async ({ body, user }) => {
  const now = new Date();
  const [id] = await insert([body], { subject: subjectOf(user), clientId: null, now });
  return { success: true, event_id: id, message: "Event tracked", timestamp: now };
});

app.post<{ Body: { events: Event[]; client_id: string | null } }>(
  "/api/v1/analytics/batch",
  { schema: { body: batchSchema } },
  async ({ body, user }) => {
    const now = new Date();
    await insert(body.events, { subject: subjectOf(user), clientId: body.client_id, now });
    const count = body.events.length;
    const counts = { events_received: count, events_queued: count, events_failed: 0 };
    return { success: true, ...counts, message: "Batch tracked", timestamp: now };
  },
);

console.log(`listening on ${await app.listen({ host: "127.0.0.1", port: 0 })}`);
