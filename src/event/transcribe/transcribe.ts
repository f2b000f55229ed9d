/**
 * Turns bodies into journal lines byte by byte, without making JavaScript values of them, however the client's language
 * spells numbers and strings. An unusual event (a duplicate key, a number as a key, an escape in a value that is
 * compared here) goes to the parser; the other events of its body do not.
 *
 * Invariants:
 * - The lines are byte for byte what parsing, validating and `rowOf` make of the same body (property test).
 * - For a body that is not valid, or not certain to be, the result is undefined and no line is left: the parser decides
 *   and explains.
 */

import { isUtf8 } from "node:buffer";
import { closeList, closeObject, digit9, letterN, lineEnd, openList, openObject, quote } from "../../base/ascii.ts";
import type { LineBuffer } from "../../base/line-buffer.ts";
import { categories, categoryDefault, priorities, priorityDefault } from "../categories.ts";
import { makeEventId, parseEventId } from "../event-id.ts";
import { batchEventsMax } from "../limits.ts";
import { LineHead } from "../line/line-head.ts";
import { type Acceptance, rowOf } from "../line/row.ts";
import { type WrittenRow, writeRow } from "../line/written-row.ts";
import { parseJson } from "../parse/parse.ts";
import type { PropertySchemas } from "../parse/property-schemas.ts";
import { validateEvent } from "../parse/validate.ts";
import type { Timestamp } from "../timestamp.ts";
import { ContentChecksum } from "./content-checksum.ts";
import { EventFields, type Field } from "./event-fields.ts";
import { admitsIn, isNameIn, memberIn } from "./field-values.ts";
import { canonicalText, copyRespelled } from "./json-copy.ts";
import { JsonScanner } from "./json-scanner.ts";
import { keyHash } from "./key-hash.ts";
import { SentTime } from "./sent-time.ts";

const eventsKey = Buffer.from("events");
const eventsHash = keyHash(eventsKey);
const clientIdKey = Buffer.from("client_id");
const clientIdHash = keyHash(clientIdKey);

/**
 * Lines need `client_id` first, and clients that follow the schema's order send it last: it is searched for in this
 * many bytes at the end of the body.
 */
const clientIdWithin = 1_024;
const clientIdAtEnd = /^"client_id"[ \t\r\n]*:[ \t\r\n]*("(?:[^"\\]|\\.)*"|null)[ \t\r\n]*\}[ \t\r\n]*$/;

/**
 * A batch's `client_id` is written into each of its lines. A longer one is left to the parser, and so is whether its
 * lines become too large. Characters.
 */
const clientIdCharsMax = 1_024;

/**
 * Comparing the spelling of a long number takes as long as parsing this many bytes, or less. Such a number has more
 * bytes with its comma, save for a few with an exponent, so only large bodies can have too many.
 */
const comparedNumberBytes = 2;

/**
 * Room in a line for what is neither in its head nor copied from the body: labels, a priority, braces, the line end.
 * Bytes.
 */
const labelBytesMax = 256;

const categoryTexts = categories.map((text) => Buffer.from(`"${text}"`));
const priorityTexts = priorities.map((text) => Buffer.from(`"${text}"`));
const categoryDefaultAt = categories.indexOf(categoryDefault);
const priorityDefaultAt = priorities.indexOf(priorityDefault);

/** Writes lines. A thread has one, for all of its bodies in turn. */
export class Transcriber {
  /** The schemas that properties must fit, if there are any. */
  schemas: PropertySchemas | undefined;
  readonly #lines: LineBuffer;
  readonly #scanner: JsonScanner;
  readonly #fields: EventFields;
  readonly #head = new LineHead();
  readonly #checksum = new ContentChecksum();
  readonly #sentTime = new SentTime();
  readonly #receivedTime = new SentTime();
  #receivedAt: Timestamp | undefined;
  #body: Buffer = Buffer.alloc(0);
  #parsedBytes = 0;
  readonly #unusualBytesMax: number;
  /** Bytes of unusual events in this body. */
  #unusualBytes = 0;

  /**
   * A body with more than `unusualBytesMax` bytes of unusual events, or with half as many numbers that are long or have
   * an exponent, is left to the parser.
   */
  constructor(lines: LineBuffer, unusualBytesMax = Number.POSITIVE_INFINITY) {
    this.#lines = lines;
    this.#unusualBytesMax = unusualBytesMax;
    this.#scanner = new JsonScanner(unusualBytesMax / comparedNumberBytes);
    this.#fields = new EventFields(this.#scanner);
  }

  /** Writes the line of an event. */
  event(body: Buffer, acceptance: Acceptance): WrittenRow[] | undefined {
    if (!this.#begin(body)) return undefined;
    const start = this.#lines.end;
    this.#share(acceptance);
    const row = this.#event(acceptance);
    if (row !== undefined && this.#isAtEnd()) return [row];
    this.#lines.cut(start);
    return undefined;
  }

  /** Writes the lines of a batch. */
  batch(body: Buffer, acceptance: Omit<Acceptance, "clientIdText">): WrittenRow[] | undefined {
    if (!this.#begin(body)) return undefined;
    const start = this.#lines.end;
    const rows = this.#batch(acceptance);
    if (rows === undefined) this.#lines.cut(start);
    return rows;
  }

  /** Returns how many bytes of events the parser has read since the last call. */
  takeParsedBytes(): number {
    const bytes = this.#parsedBytes;
    this.#parsedBytes = 0;
    return bytes;
  }

  /** Begins another body. Returns false where it is not UTF-8. */
  #begin(body: Buffer): boolean {
    if (!isUtf8(body)) return false;
    this.#body = body;
    this.#unusualBytes = 0;
    this.#scanner.begin(body);
    return true;
  }

  #isAtEnd(): boolean {
    this.#scanner.peek();
    return this.#scanner.at === this.#body.byteLength;
  }

  #batch(shared: Omit<Acceptance, "clientIdText">): WrittenRow[] | undefined {
    const scanner = this.#scanner;
    let clientIdText: string | undefined;
    let assumed = "null";
    let rows: WrittenRow[] | undefined;
    let goesOn = scanner.enter(openObject, closeObject);
    while (goesOn === true) {
      const hash = scanner.key();
      if (hash === undefined || scanner.isKeyRespelled) return undefined;
      if (hash === eventsHash && scanner.keyIs(eventsKey)) {
        if (rows !== undefined) return undefined;
        assumed = clientIdText ?? this.#clientIdAhead();
        rows = this.#events({ ...shared, clientIdText: assumed });
        if (rows === undefined) return undefined;
      } else {
        const isClientId = hash === clientIdHash && scanner.keyIs(clientIdKey);
        const first = scanner.peek();
        const from = scanner.at;
        if (!scanner.value()) return undefined;
        // It is a string or null, or it is ignored and may be anything.
        scanner.isPlain = true;
        if (isClientId && (clientIdText !== undefined || (first !== quote && first !== letterN))) return undefined;
        if (isClientId) clientIdText = canonicalText(this.#body.toString("utf8", from, scanner.at));
      }
      goesOn = scanner.next(closeObject);
    }
    if (goesOn !== false || rows === undefined || !this.#isAtEnd()) return undefined;
    return assumed === (clientIdText ?? "null") ? rows : undefined;
  }

  /** Returns the `client_id` that the body seems to end with; the caller checks it once the body is read. */
  #clientIdAhead(): string {
    const tail = this.#body.subarray(Math.max(0, this.#body.byteLength - clientIdWithin));
    const at = tail.lastIndexOf('"client_id"');
    const found = at === -1 ? undefined : clientIdAtEnd.exec(tail.toString("utf8", at))?.[1];
    return (found === undefined ? undefined : canonicalText(found)) ?? "null";
  }

  #events(acceptance: Acceptance): WrittenRow[] | undefined {
    const scanner = this.#scanner;
    if (acceptance.clientIdText.length > clientIdCharsMax) return undefined;
    this.#share(acceptance);
    const rows: WrittenRow[] = [];
    let goesOn = scanner.enter(openList, closeList);
    while (goesOn === true) {
      const row = this.#event(acceptance);
      if (row === undefined || rows.length === batchEventsMax) return undefined;
      rows.push(row);
      goesOn = scanner.next(closeList);
    }
    return goesOn === false && rows.length > 0 ? rows : undefined;
  }

  #share(acceptance: Acceptance): void {
    this.#head.share(acceptance);
    if (this.#receivedAt === acceptance.receivedAt) return;
    this.#receivedAt = acceptance.receivedAt;
    this.#receivedTime.take(acceptance.receivedAt);
  }

  /** Writes the line of the event that begins here. */
  #event(acceptance: Acceptance): WrittenRow | undefined {
    const scanner = this.#scanner;
    scanner.peek();
    const from = scanner.at;
    scanner.hasOwnSpelling = false;
    if (!this.#fields.scan()) return undefined;
    if (scanner.isPlain) return this.#plainEvent(scanner.at - from);
    scanner.isPlain = true;
    return this.#otherEvent(this.#body.subarray(from, scanner.at), acceptance);
  }

  #otherEvent(bytes: Buffer, acceptance: Acceptance): WrittenRow | undefined {
    this.#unusualBytes += bytes.byteLength;
    if (this.#unusualBytes > this.#unusualBytesMax) return undefined;
    this.#parsedBytes += bytes.byteLength;
    const parsed = parseJson(bytes);
    if (!parsed.ok) return undefined;
    const validated = validateEvent(parsed.value, parsed.exact, this.schemas);
    const [event] = validated.ok ? validated.events : [];
    return event && writeRow(rowOf(event, acceptance, parsed.exact !== parsed.value), this.#lines);
  }

  /**
   * Writes the line of an event whose fields were found, in the order of `rowOf`. `bytes`: the event's length in the
   * body.
   */
  #plainEvent(bytes: number): WrittenRow | undefined {
    const body = this.#body;
    const { event_name, properties } = this.#fields;
    const category = memberIn(body, this.#fields.category, categoryTexts, categoryDefaultAt);
    const priority = memberIn(body, this.#fields.priority, priorityTexts, priorityDefaultAt);
    const priorityText = priorityTexts[priority];
    const isTimeSent = this.#timeAt(this.#fields.timestamp);
    const sentId = this.#idAt(this.#fields.event_id);
    if (category === -1 || priorityText === undefined || isTimeSent === undefined || sentId === undefined)
      return undefined;
    if (!isText(event_name) || !isNameIn(body, event_name)) return undefined;
    for (const field of this.#fields.strings) if (field.hasValue && !isText(field)) return undefined;
    if (properties.hasValue && properties.first !== openObject) return undefined;
    if (this.schemas !== undefined && !admitsIn(body, this.#fields, this.schemas)) return undefined;

    const lines = this.#lines;
    const start = lines.end;
    const time = isTimeSent ? this.#sentTime : this.#receivedTime;
    const eventId = sentId ?? makeEventId();
    const row: WrittenRow = { eventId, category, hour: time.hour, content: undefined, bytes: 0 };
    lines.reserve(this.#head.bytesMax + bytes + labelBytesMax);
    this.#head.write(lines, row, time.bytes);
    const contentEnd = sentId === null ? undefined : this.#head.contentRoom(lines);
    this.#head.shared(lines);
    const sentFrom = lines.end;
    let propertiesFrom = 0;
    for (const field of this.#fields.sent) {
      if (field === this.#fields.priority) {
        lines.copy(field.label, 0, field.label.length);
        lines.copy(priorityText, 0, priorityText.length);
      } else if (!field.hasValue) continue;
      else if (field === properties) {
        propertiesFrom = lines.end + field.label.length;
        this.#write(field, field.isRespelled || this.#fields.propertiesHaveSpace);
      } else this.#write(field);
    }
    if (contentEnd !== undefined) {
      row.content = this.#checksum.of(category, isTimeSent ? time.bytes : undefined, lines.view(sentFrom + 1));
      lines.digitsBefore(contentEnd, row.content);
    }
    // As in `rowOf`: DuckDB would respell these numbers.
    const isQuoted = this.#scanner.hasOwnSpelling || this.#fields.propertiesHavePlus;
    if (properties.hasValue && isQuoted) lines.quoteFrom(propertiesFrom);
    lines.reserve(2);
    lines.byte(closeObject);
    lines.byte(lineEnd);
    row.bytes = lines.end - start;
    return row;
  }

  #write(field: Field, isRespelled = field.isRespelled): void {
    const { label, from, to } = field;
    this.#lines.copy(label, 0, label.length);
    if (isRespelled) copyRespelled(this.#lines, this.#body, field);
    else this.#lines.copy(this.#body, from, to);
  }

  /** Reads the client's time. False: it sent none. Undefined: what it sent is not certain to be a time. */
  #timeAt(field: Field): boolean | undefined {
    if (!field.hasValue) return false;
    const isRead = isText(field)
      ? this.#sentTime.readString(this.#body, field)
      : field.first <= digit9 && this.#sentTime.read(Number(this.#body.toString("latin1", field.from, field.to)));
    return isRead ? true : undefined;
  }

  /** The client's id. Null: it sent none. Undefined: what it sent is not certain to be an id. */
  #idAt(field: Field): string | null | undefined {
    if (!field.hasValue) return null;
    if (!isText(field)) return undefined;
    const parsed = parseEventId(this.#body.toString("latin1", field.from + 1, field.to - 1));
    return parsed.ok ? parsed.id : undefined;
  }
}

const isText = ({ hasValue, first }: Field) => hasValue && first === quote;
