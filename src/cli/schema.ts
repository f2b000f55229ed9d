import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { Command, InvalidArgumentError } from "@commander-js/extra-typings";
import { MillraceError } from "../base/errors.ts";
import { readConfig } from "../config/config.ts";
import { eventNameCodePointsMax } from "../event/limits.ts";
import { FolderReader, retriedWhileGone } from "../offline/folder-reader.ts";
import { schemaFileName } from "../schema/files.ts";
import { inferSchema } from "../schema/infer.ts";
import { requireDataFolder } from "../store/folder/layout.ts";
import { dataFolder } from "../store/folder/names.ts";
import type { DuckDB } from "../store/sql/duckdb.ts";
import { digits, literal } from "../store/sql/literals.ts";
import { scratchFolder } from "./scratch.ts";

/** There is nothing to make a schema from. */
class NoEvents extends MillraceError {
  override readonly name = "NoEvents";
}

/** Enough to have seen what an event usually holds, and read in seconds. */
const eventsDefault = 100_000;

/** DuckDB sorts by time, and spills past this. MiB */
const memoryMiB = 1_024;

const nameOf = (text: string): string => {
  const codePoints = [...text].length;
  if (codePoints >= 1 && codePoints <= eventNameCodePointsMax) return text;
  throw new InvalidArgumentError(`an event name has 1 to ${eventNameCodePointsMax} characters.`);
};

const numberOf = (text: string): number => {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("a whole number from 1 is expected.");
};

/** Schemas of properties. */
export const schemaCommand = new Command("schema")
  .description("JSON Schemas of properties, for MILLRACE_SCHEMAS")
  .exitOverride();

schemaCommand
  .command("infer")
  .description("print a first schema of an event's properties, made from the events that are there")
  .argument("<name>", "the event's name", nameOf)
  .option("--events <number>", "how many events are read at most, the latest", numberOf, eventsDefault)
  .addHelpText(
    "after",
    `
The schema fits every event that it was made from: the types that were seen, required where all events have it, an enum where few
strings come again and again, and the formats date-time, uuid and uri where all strings have one. Nothing that was not seen is
forbidden. Read it before you use it: what all events have today need not be there tomorrow. It reads what is accepted, sealed or not,
with or without a running service. Put it into the folder that MILLRACE_SCHEMAS names, as encodeURIComponent(name) and .json.`,
  )
  .action(async (eventName, options) => {
    const folder = dataFolder(resolve(readConfig(process.env).dataDir));
    requireDataFolder(folder);
    using scratch = scratchFolder(folder);
    const limits = { threads: availableParallelism(), memoryMiB, spillTo: join(scratch.path, "spill") };
    using reader = await FolderReader.open({ folder, scratch: scratch.path, limits, isReadOnly: true });
    const { properties, events } = await retriedWhileGone(async () => {
      await reader.refresh();
      return read(reader.duckdb, eventName, options.events);
    });
    if (events === 0) throw new NoEvents(`there is no event of the name ${JSON.stringify(eventName)}`);
    const { $schema, ...schema } = inferSchema(properties);
    const $comment = `Made from ${properties.length} of ${events} events by millrace schema infer`;
    process.stdout.write(`${JSON.stringify({ $schema, title: eventName, $comment, ...schema }, null, 2)}\n`);
    process.stderr.write(
      `made from ${properties.length} of ${events} events; its file is ${schemaFileName(eventName)}\n`,
    );
  });

/** The properties of the latest events of a name, and how many events there are. */
async function read(duckdb: DuckDB, eventName: string, eventsMax: number) {
  const where = `event_name = ${literal(eventName)}`;
  const [counted] = await duckdb.rows(`SELECT count(*)::DOUBLE AS events FROM events WHERE ${where}`);
  const properties: unknown[] = [];
  const latest = `SELECT properties::VARCHAR FROM events WHERE ${where} ORDER BY received_at DESC LIMIT ${digits(eventsMax)}`;
  for await (const chunk of duckdb.chunks(latest))
    for (const [text] of chunk.getRows()) properties.push(typeof text === "string" ? JSON.parse(text) : null);
  return { properties, events: Number(counted?.["events"]) };
}
