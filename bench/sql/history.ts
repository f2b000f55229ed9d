/**
 * A folder with days of history, as flushes left it, and beside it the same rows in one plain table, in order of
 * arrival: what an analyst would have without Millrace.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { eventColumns, journalColumn, journalType } from "../../src/event/columns.ts";
import { type FieldName, fieldNames } from "../../src/event/fields.ts";
import { batchEventsMax } from "../../src/event/limits.ts";
import { batchBodies } from "../load/events.ts";

/** How much history, and of which kind. */
export interface HistoryOptions {
  readonly events: number;
  readonly seed: number;
  /** Events of one segment as it is before compaction. */
  readonly eventsPerSegment?: number | undefined;
  /** A folder of this run's own; `data` and `plain.duckdb` are made in it. */
  readonly folder: string;
  /** Called for each part that is done. */
  readonly onEvents: (events: number) => void;
}

/** Where it lies. */
export interface History {
  readonly dataDir: string;
  readonly plainPath: string;
  /** A day in the middle, as `YYYY-MM-DD`. */
  readonly day: string;
  /** A session of some dozens of events. */
  readonly session: string;
}

/** A day's events: a service of twelve a second. */
const eventsPerDay = 1_000_000;

/** Few files, so that the history is made quickly. */
const eventsPerSegmentUsual = 500_000;

/** Different events that the history is made from; ids, times and sessions are new each time. */
const templateBodies = 2_000;

const startDay = Date.parse("2026-01-01T00:00:00Z");

/** Makes a history. */
export async function makeHistory(options: HistoryOptions): Promise<History> {
  const { events, seed, folder, onEvents, eventsPerSegment = eventsPerSegmentUsual } = options;
  const dataDir = join(folder, "data");
  const plainPath = join(folder, "plain.duckdb");
  mkdirSync(join(dataDir, "segments"), { recursive: true });
  const instance = await DuckDBInstance.create(plainPath);
  const connection = await instance.connect();
  try {
    await connection.run("SET TimeZone = 'UTC'");
    await loadTemplate(connection, join(folder, "template.ndjson"), seed);
    await connection.run(`CREATE TABLE events AS ${historyQuery(0, 0)}`);
    for (let from = 0; from < events; from += eventsPerSegment) {
      const to = Math.min(events, from + eventsPerSegment);
      await connection.run(`INSERT INTO events ${historyQuery(from, to)}`);
      await writeSegment(connection, { dataDir, from, to, eventsPerSegment });
      onEvents(to);
    }
    await connection.run("CHECKPOINT");
    const found = await connection.runAndReadAll(
      `SELECT session_id FROM (SELECT session_id, count(*) AS n FROM events GROUP BY ALL)
       WHERE n BETWEEN 20 AND 100 ORDER BY hash(session_id) LIMIT 1`,
    );
    const session = String(found.getRows()[0]?.[0]);
    const middle = new Date(startDay + Math.floor(events / eventsPerDay / 2) * 86_400_000);
    return { dataDir, plainPath, day: middle.toISOString().slice(0, 10), session };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

async function loadTemplate(connection: DuckDBConnection, path: string, seed: number): Promise<void> {
  const bodies = batchBodies({ seed, nowMs: startDay, ids: "server", count: templateBodies });
  const lines = bodies.flatMap((body) => {
    const { events, client_id } = JSON.parse(body);
    return events.map((event: object) => JSON.stringify({ ...event, client_id }));
  });
  writeFileSync(path, lines.join("\n"));
  const columns = templated.map((name) => `${name}: '${journalType(eventColumns[name])}'`).join(", ");
  await connection.run(
    `CREATE TEMP TABLE template AS SELECT row_number() OVER () - 1 AS place, * FROM
       read_json('${path}', format = 'newline_delimited', columns = {${columns}})`,
  );
}

/** What is made for each event; a session lasts an hour at most. */
const made: Readonly<Partial<Record<FieldName, string>>> = {
  event_id: "uuidv7()",
  timestamp: "received_at - to_milliseconds((random() * 6e4)::BIGINT)",
  received_at: "received_at",
  subject: "'bench'",
  session_id: `printf('s-%x', hash(session_id, nth // ${Math.floor(eventsPerDay / 24)}) % 4294967296)`,
};

/** What the template gives; a session is made from its `session_id`. */
const templated = fieldNames.filter((name) => made[name] === undefined || name === "session_id");

const selected = fieldNames.map((name) => {
  const value = made[name];
  return value === undefined ? journalColumn(name, eventColumns[name]) : `${value} AS "${name}"`;
});

/** Events from `from` (inclusive) to `to` (exclusive), in order of arrival. */
const historyQuery = (from: number, to: number) => `
  SELECT ${selected.join(", ")}
  FROM (SELECT range AS nth, make_timestamptz(${startDay * 1000} + range * ${86_400_000_000 / eventsPerDay}) AS received_at
        FROM range(${from}, ${to})) arrivals
  JOIN template ON place = nth % ${templateBodies * batchEventsMax} ORDER BY nth`;

/** A segment as a flush leaves it: tables `events` and `rollup`, in order of arrival. */
async function writeSegment(
  connection: DuckDBConnection,
  { dataDir, from, to, eventsPerSegment }: { dataDir: string; from: number; to: number; eventsPerSegment: number },
): Promise<void> {
  const nth = from / eventsPerSegment;
  const [shard, place] = [nth % 2, Math.floor(nth / 2)];
  const unfinished = join(dataDir, "segments", `${nth}.tmp`);
  await connection.run(`ATTACH '${unfinished}' AS segment (STORAGE_VERSION 'v1.5.0')`);
  await connection.run(`CREATE TABLE segment.events AS FROM events WHERE rowid >= ${from} AND rowid < ${to}`);
  await connection.run(
    `CREATE TABLE segment.rollup AS SELECT date_trunc('hour', "timestamp") AS hour, category, priority, event_name,
       count(*) AS events FROM segment.events GROUP BY ALL ORDER BY ALL`,
  );
  await connection.run("CHECKPOINT segment");
  await connection.run("DETACH segment");
  const first = place * eventsPerSegment + 1;
  const range = [first, first + (to - from) - 1].map((sequence) => String(sequence).padStart(16, "0")).join("-");
  const checksum = (await checksumOf(unfinished)).toString(16).padStart(8, "0");
  await rename(unfinished, join(dataDir, "segments", `${String(shard).padStart(4, "0")}-${range}-${checksum}.duckdb`));
}

async function checksumOf(path: string): Promise<number> {
  await using file = await open(path, "r");
  return crc32(await file.readFile());
}
