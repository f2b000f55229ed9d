/**
 * Log records of OpenTelemetry in protobuf (opentelemetry/proto/logs/v1). A decoder of our own: the messages have
 * thirty fields that never change, and a library for them is a megabyte.
 */
import { type Json, jsonOf, listOf, type Members, objectOf } from "../json-text.ts";
import type { Mapper } from "../mapped.ts";
import { depthMax, type LogGroup, type LogRecord, mapRecords, type ReadRecord } from "./records.ts";
import { bytesOf, type Field, fieldsOf, numberOf, ProtobufInvalid } from "./wire.ts";

/** Maps the records of a request. */
export const mapOtlpProtobuf: Mapper = (body, facts) => {
  try {
    return mapRecords(groupsOf(Buffer.from(body.buffer, body.byteOffset, body.byteLength)), body, facts);
  } catch (error) {
    if (error instanceof ProtobufInvalid) return { ok: false, reason: `The body is not protobuf: ${error.message}` };
    if (error instanceof TooDeep) return { ok: false, reason: `A resource nests in more than ${depthMax} levels` };
    throw error;
  }
};

function* groupsOf(request: Buffer): Generator<LogGroup> {
  for (const { number, value } of fieldsOf(request)) if (number === 1) yield* groupsOfResource(bytesOf(value));
}

function* groupsOfResource(message: Buffer): Generator<LogGroup> {
  let resource: Members = new Map();
  const scopes: Buffer[] = [];
  for (const { number, value } of fieldsOf(message)) {
    if (number === 1) resource = attributesIn(bytesOf(value), 1);
    if (number === 2) scopes.push(bytesOf(value));
  }
  for (const scopeLogs of scopes) yield groupOf(scopeLogs, resource);
}

function groupOf(message: Buffer, resource: Members): LogGroup {
  let scope: Members = new Map();
  for (const { number, value } of fieldsOf(message)) if (number === 1) scope = scopeOf(bytesOf(value));
  return { resource, scope, records: recordsOf(message) };
}

function* recordsOf(scopeLogs: Buffer): Generator<ReadRecord> {
  for (const { number, value } of fieldsOf(scopeLogs)) if (number === 2) yield recordOf(bytesOf(value));
}

function scopeOf(message: Buffer): Members {
  const scope = new Map<string, Json>();
  for (const { number, value } of fieldsOf(message)) {
    if (number === 1) scope.set("name", jsonOf(textOf(value)));
    if (number === 2) scope.set("version", jsonOf(textOf(value)));
  }
  const attributes = attributesIn(message, 3);
  if (attributes.size > 0) scope.set("attributes", objectOf(attributes));
  for (const name of ["name", "version"]) if (scope.get(name) === '""') scope.delete(name);
  return scope;
}

function recordOf(message: Buffer): ReadRecord {
  try {
    return { ok: true, record: readRecord(message) };
  } catch (error) {
    if (!(error instanceof TooDeep)) throw error;
    const event = objectOf(new Map([["protobuf_base64", jsonOf(message.toString("base64"))]]));
    return { ok: false, reason: `attributes, body: nested in more than ${depthMax} levels`, event };
  }
}

function readRecord(message: Buffer): LogRecord {
  const record: LogRecord = {
    timeNanos: 0n,
    observedNanos: 0n,
    severityNumber: 0,
    severityText: "",
    eventName: "",
    body: undefined,
    attributes: attributesIn(message, 6),
    traceId: "",
    spanId: "",
  };
  for (const { number, value } of fieldsOf(message)) setField(record, { number, value });
  return record;
}

function setField(record: LogRecord, { number, value }: Field): void {
  switch (number) {
    case 1:
      record.timeNanos = numberOf(value);
      break;
    case 2:
      record.severityNumber = severityOf(numberOf(value));
      break;
    case 3:
      record.severityText = textOf(value);
      break;
    case 5:
      record.body = anyValueOf(bytesOf(value), 0);
      break;
    case 9:
      record.traceId = bytesOf(value).toString("hex");
      break;
    case 10:
      record.spanId = bytesOf(value).toString("hex");
      break;
    case 11:
      record.observedNanos = numberOf(value);
      break;
    case 12:
      record.eventName = textOf(value);
      break;
    default:
  }
}

/** What no severity of OpenTelemetry is counts as none. */
const severityOf = (number: bigint): number => (number <= 24n ? Number(number) : 0);

/** Bytes that are not UTF-8, which log shippers pass on from files, become U+FFFD. */
const textOf = (value: Field["value"]): string => bytesOf(value).toString("utf8");

/** A value nests deeper than our own events may. */
class TooDeep extends Error {
  override readonly name = "TooDeep";
}

/** The pairs of a key and a value in a message's field of this number. */
function attributesIn(message: Buffer, field: number, depth = 0): Members {
  const attributes = new Map<string, Json>();
  for (const { number, value } of fieldsOf(message)) {
    if (number !== field) continue;
    let key = "";
    let json = jsonOf(null);
    for (const part of fieldsOf(bytesOf(value))) {
      if (part.number === 1) key = textOf(part.value);
      if (part.number === 2) json = anyValueOf(bytesOf(part.value), depth);
    }
    attributes.set(key, json);
  }
  return attributes;
}

/** The JSON that a value stands for; of several the last one counts. */
function anyValueOf(message: Buffer, depth: number): Json {
  if (depth > depthMax) throw new TooDeep();
  let json = jsonOf(null);
  for (const field of fieldsOf(message)) json = kindOf(field, depth) ?? json;
  return json;
}

/** Undefined for a kind that is not known. */
function kindOf({ number, value }: Field, depth: number): Json | undefined {
  switch (number) {
    case 1:
      return jsonOf(textOf(value));
    case 2:
      return jsonOf(numberOf(value) !== 0n);
    case 3:
      return BigInt.asIntN(64, numberOf(value)).toString() as Json;
    case 4:
      return doubleOf(numberOf(value));
    case 5:
      return arrayOf(bytesOf(value), depth + 1);
    case 6:
      return objectOf(attributesIn(bytesOf(value), 1, depth + 1));
    case 7:
      return jsonOf(bytesOf(value).toString("base64"));
    default:
      return undefined;
  }
}

function arrayOf(message: Buffer, depth: number): Json {
  const items: Json[] = [];
  for (const { number, value } of fieldsOf(message)) if (number === 1) items.push(anyValueOf(bytesOf(value), depth));
  return listOf(items);
}

const scratch = new DataView(new ArrayBuffer(8));

/** What is not a number is a string, as in OpenTelemetry's JSON. */
function doubleOf(bits: bigint): Json {
  scratch.setBigUint64(0, bits);
  const double = scratch.getFloat64(0);
  if (!Number.isFinite(double)) return jsonOf(String(double));
  return Object.is(double, -0) ? ("-0.0" as Json) : jsonOf(double);
}
