/**
 * What DuckDB allows: the events of the same bodies, a line each, read by `read_json` into a table in a file, again and
 * again. Arguments: file of batch bodies, folder, seconds. Prints `{"bodies":N,"microseconds":N}`, where a body is a
 * batch's worth of events.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { eventColumns, journalType } from "../../src/event/columns.ts";
import { fieldNames } from "../../src/event/fields.ts";
import { batchEventsMax } from "../../src/event/limits.ts";
import type { BatchInput } from "../../src/event/schema.ts";

/** About what a flush takes at full load: two seconds' worth. Events. */
const eventsMin = 200_000;

const [bodiesPath = "", folder = "", secondsText = ""] = process.argv.slice(2);
const batches = (await Bun.file(bodiesPath).text()).trimEnd().split("\n");
// The file is this suite's own, made from this type.
const sent = batches.flatMap((body) => (JSON.parse(body) as BatchInput).events);
const lines = sent.map((event) => JSON.stringify(event));
const repeats = Math.ceil(eventsMin / lines.length);
const linesPath = join(folder, "events.ndjson");
await Bun.write(linesPath, `${lines.join("\n")}\n`.repeat(repeats));
const databasePath = join(folder, "read.duckdb");

const instance = await DuckDBInstance.create();
const connection = await instance.connect();
// What the events hold; nothing is made of it, as in the service, but times and ids that are checked.
const held = new Set(sent.flatMap((event) => Object.keys(event)));
const types = fieldNames
  .filter((name) => held.has(name))
  .map((name) => `${name}: '${journalType(eventColumns[name])}'`);
const rows = `SELECT * FROM read_json('${linesPath}', format = 'newline_delimited', columns = {${types.join(", ")}})`;

const startedMs = performance.now();
const endMs = startedMs + Number(secondsText) * 1_000;
let events = 0;
// At least once, however short the time.
do {
  await connection.run(`ATTACH '${databasePath}' AS read`);
  await connection.run(`CREATE TABLE read.events AS ${rows}`);
  await connection.run("CHECKPOINT read");
  await connection.run("DETACH read");
  rmSync(databasePath);
  events += lines.length * repeats;
} while (performance.now() < endMs);
const microseconds = Math.round((performance.now() - startedMs) * 1_000);
instance.closeSync();
console.log(JSON.stringify({ bodies: events / batchEventsMax, microseconds }));
