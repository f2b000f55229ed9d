/** What the JSON encoders of other languages wrote of the same events (`test/fixtures/spelling/`) is stored alike. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { memberOf } from "../../src/event/parse/values.ts";
import { timestampOfMs } from "../../src/event/timestamp.ts";
import { Ingest } from "../../src/shard/worker/ingest.ts";

const folder = join(import.meta.dir, "../fixtures/spelling");
const read = (file: string) => readFileSync(join(folder, file));
const files = readdirSync(folder).filter((file) => file.endsWith(".json") && file !== "events.json");
const context = { receivedAt: timestampOfMs(0), receivedAtMs: 0, bodyBytesMax: 1_000_000 };

type Line = Record<string, unknown> & { properties?: unknown };

/** The lines that a batch is stored as, and how many of its bytes the parser read. */
function ingested(file: string): { lines: string[]; parsedBytes: number } {
  const ingest = new Ingest({ unusualBytesMax: Number.POSITIVE_INFINITY });
  const answer = ingest.ingest({ form: "batch", body: read(file), subject: null, encoding: "identity" }, context);
  if (answer.kind !== "rows") throw new Error(`${file} was refused: ${JSON.stringify(answer)}`);
  const lines = answer.lines.toString("utf8", 0, answer.linesBytes);
  return { lines: lines.trimEnd().split("\n"), parsedBytes: ingest.takeBytesLeft() };
}

/** `properties` as the column holds it: its JSON. In a line it is an object, or a string of that JSON. */
function storedText(line: string): string {
  const { properties }: Line = JSON.parse(line);
  return typeof properties === "string" ? properties : (/,"properties":(\{.*\})\}$/s.exec(line)?.[1] ?? "");
}

/** The events of a parsed batch. */
function eventsIn(batch: unknown): Line[] {
  const events = memberOf(batch, "events");
  if (!Array.isArray(events)) throw new Error("a batch has events");
  return events;
}

/** JSON without space between tokens, escapes as characters, and each number with its own digits. */
const withDigits = (_key: string, value: unknown, { source }: { source?: string }) =>
  typeof value === "number" && source !== undefined ? JSON.rawJSON(source) : value;

describe("all encoders' bodies are stored alike, and none needs the parser", () => {
  test("every encoder of the issue is there", () => {
    expect(files.toSorted()).toEqual([
      ...["dotnet.json", "go.json", "jackson.json", "javascript.json", "php.json", "python-utf8.json", "python.json"],
      "ruby.json",
    ]);
  });

  test.each(files)("%s", (file) => {
    const { lines, parsedBytes } = ingested(file);
    expect(parsedBytes).toBe(0);
    const sent: { events: Line[]; client_id: string } = JSON.parse(read(file).toString());
    // The same source, whatever language wrote it.
    const meant: { events: Line[] } = JSON.parse(read("events.json").toString());
    expect(lines).toHaveLength(sent.events.length);
    lines.forEach((text, index) => {
      const line: Line = JSON.parse(text);
      const event = sent.events[index];
      const properties = typeof line.properties === "string" ? JSON.parse(line.properties) : line.properties;
      const { timestamp, event_id, ...texts } = { ...event };
      const values = Object.entries(texts).filter(([name, value]) => name !== "properties" && value !== null);
      expect(line).toMatchObject({ ...Object.fromEntries(values), client_id: sent.client_id });
      if (event_id !== undefined) expect(line["event_id"]).toBe(event_id);
      if (timestamp !== undefined) expect(Date.parse(String(line["timestamp"]))).toBe(Date.parse(String(timestamp)));
      expect(properties ?? null).toEqual(event?.properties ?? null);
      expect(event).toEqual(meant.events[index]);
    });
  });

  test.each(files)("%s: properties keep digits and characters, without the space between tokens", (file) => {
    const { lines } = ingested(file);
    const sent = JSON.parse(read(file).toString(), withDigits);
    const expected = eventsIn(sent).map(({ properties }) => (properties ? JSON.stringify(properties) : ""));
    expect(lines.map(storedText)).toEqual(expected);
  });
});
