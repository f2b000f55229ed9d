/** Validates the events of a body one by one: the valid ones are accepted, and each of the others is refused alone. */
import type { RefusedAlone } from "../protocols.ts";
import type { Issue } from "./issue.ts";
import { isRecord, parseJson } from "./parse.ts";
import type { PropertySchemas } from "./property-schemas.ts";
import { splitEvents } from "./split-events.ts";
import { type ValidEvent, validateEvent } from "./validate.ts";
import { eventIdOf } from "./values.ts";

/** What the validation of each event gave. */
type EachEvent = {
  events: ValidEvent[];
  /** Whether a number in a valid event is spelled differently than JavaScript would spell it. */
  hasOwnSpellings: boolean;
  refused: RefusedAlone[];
};

/** Reads `{"events":[…]}`; undefined for a body of another shape. */
export function validateEach(body: Uint8Array, schemas: PropertySchemas | undefined): EachEvent | undefined {
  const texts = splitEvents(Buffer.from(body.buffer, body.byteOffset, body.byteLength));
  if (texts === undefined) return undefined;
  const each: EachEvent = { events: [], hasOwnSpellings: false, refused: [] };
  for (const [index, text] of texts.entries()) {
    const parsed = parseJson(text);
    const validated = parsed.ok ? validateEvent(parsed.value, parsed.exact, schemas) : parsed;
    if (validated.ok) {
      each.events.push(...validated.events);
      each.hasOwnSpellings ||= parsed.ok && parsed.exact !== parsed.value;
    } else {
      const event = text.toString("utf8");
      each.refused.push({ index, reason: reasonOf(validated.issues), eventId: idIn(event), event });
    }
  }
  return each;
}

/** The event's own id, also where it is refused as JSON: for half of a surrogate pair, or because it nests too deep. */
function idIn(event: string): string | null {
  try {
    const value: unknown = JSON.parse(event);
    const read = isRecord(value) ? eventIdOf(value["event_id"]) : undefined;
    return read?.ok ? (read.id ?? null) : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** The first issue of an event in one line: its place within the event, and what is wrong there. */
function reasonOf([first]: readonly Issue[]): string {
  if (first === undefined) return "not valid";
  const { type, loc, msg, ctx } = first;
  if (type === "json_invalid") return `${msg}: ${String(ctx?.["error"] ?? "not valid")}`;
  const place = loc.slice(1).join(".");
  return place === "" ? msg : `${place}: ${msg}`;
}
