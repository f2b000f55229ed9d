/** Log records of OpenTelemetry in JSON. */
import { readText } from "../body-text.ts";
import {
  filledStringOf,
  isNumber,
  itemsOf,
  type Json,
  jsonOf,
  listOf,
  type Members,
  membersOf,
  objectOf,
  presentOf,
  stringOf,
} from "../json-text.ts";
import type { Mapper } from "../mapped.ts";
import { depthMax, type LogGroup, mapRecords, type ReadRecord } from "./records.ts";

/** Maps the records of a request. */
export const mapOtlpJson: Mapper = (body, facts) => {
  const read = readText(body);
  if (!read.ok) return read;
  const whole = membersOf(read.json);
  const resources = whole && listIn(whole, "resourceLogs");
  if (resources === undefined) return { ok: false, reason: "The body must be an object with a list `resourceLogs`" };
  return mapRecords(groupsOf(resources), body, facts);
};

function* groupsOf(resources: readonly Json[]): Generator<LogGroup> {
  for (const json of resources) {
    const holder = membersOf(json);
    const resource = holder?.get("resource");
    const scopes = holder && listIn(holder, "scopeLogs");
    if (scopes === undefined) {
      yield unread("resourceLogs: an item must be an object with a list `scopeLogs`", { resourceLogs: json });
      continue;
    }
    for (const scopeJson of scopes) yield groupOf(scopeJson, resource);
  }
}

/** A list, which may be left out; undefined for anything else. */
function listIn(members: Members, name: string): Json[] | undefined {
  const json = presentOf(members.get(name));
  return json === undefined ? [] : itemsOf(json);
}

/** A group whose records cannot be told apart: it is refused as one. */
function unread(reason: string, { resourceLogs }: { resourceLogs: Json }): LogGroup {
  const event = objectOf(new Map([["resourceLogs", listOf([resourceLogs])]]));
  return { resource: new Map(), scope: new Map(), records: [{ ok: false, reason, event }] };
}

function groupOf(json: Json, resource: Json | undefined): LogGroup {
  const holder = membersOf(json);
  const records = holder && listIn(holder, "logRecords");
  const resourceAttributes = attributesOf(membersOf(presentOf(resource))?.get("attributes"));
  const scopeJson = presentOf(holder?.get("scope"));
  const scope = scopeOf(scopeJson);
  const around = (logRecords: Json) => requestOf({ resource, scope: scopeJson, logRecords });
  if (records === undefined || resourceAttributes === undefined || scope === undefined) {
    const resourceLogs = new Map<string, Json>([["scopeLogs", listOf([json])]]);
    if (resource !== undefined) resourceLogs.set("resource", resource);
    const reason = "scopeLogs: an item must have a list `logRecords` and attributes with keys and values";
    return unread(reason, { resourceLogs: objectOf(resourceLogs) });
  }
  return { resource: resourceAttributes, scope, records: recordsOf(records, around) };
}

function* recordsOf(records: readonly Json[], around: (logRecords: Json) => string): Generator<ReadRecord> {
  for (const record of records) yield recordOf(record, around);
}

/** A request that holds these records alone. */
function requestOf(parts: { resource: Json | undefined; scope: Json | undefined; logRecords: Json }): string {
  const scopeLogs = new Map<string, Json>();
  if (parts.scope !== undefined) scopeLogs.set("scope", parts.scope);
  scopeLogs.set("logRecords", parts.logRecords);
  const resourceLogs = new Map<string, Json>();
  if (parts.resource !== undefined) resourceLogs.set("resource", parts.resource);
  resourceLogs.set("scopeLogs", listOf([objectOf(scopeLogs)]));
  return objectOf(new Map([["resourceLogs", listOf([objectOf(resourceLogs)])]]));
}

function scopeOf(json: Json | undefined): Members | undefined {
  const scope = new Map<string, Json>();
  const members = membersOf(json);
  for (const name of ["name", "version"]) {
    const text = filledStringOf(members?.get(name));
    if (text !== undefined) scope.set(name, jsonOf(text));
  }
  const attributes = attributesOf(members?.get("attributes"));
  if (attributes !== undefined && attributes.size > 0) scope.set("attributes", objectOf(attributes));
  return attributes && scope;
}

function recordOf(json: Json, around: (logRecords: Json) => string): ReadRecord {
  const refuse = (reason: string): ReadRecord => ({ ok: false, reason, event: around(listOf([json])) });
  const record = membersOf(json);
  if (record === undefined) return refuse("logRecords: an item must be an object");
  const attributes = attributesOf(record.get("attributes"));
  if (attributes === undefined)
    return refuse(`attributes: must be a list of keys and values, nested in at most ${depthMax} levels`);
  const bodyJson = presentOf(record.get("body"));
  const body = bodyJson === undefined ? jsonOf(null) : anyValueOf(bodyJson);
  if (body === undefined) return refuse(`body: must be a value, nested in at most ${depthMax} levels`);
  const timeNanos = nanosOf(record.get("timeUnixNano"));
  const observedNanos = nanosOf(record.get("observedTimeUnixNano"));
  if (timeNanos === undefined || observedNanos === undefined)
    return refuse("timeUnixNano, observedTimeUnixNano: must be whole numbers of nanoseconds");
  return {
    ok: true,
    record: {
      timeNanos,
      observedNanos,
      severityNumber: severityOf(record.get("severityNumber")),
      severityText: stringOf(record.get("severityText")) ?? "",
      eventName: stringOf(record.get("eventName")) ?? "",
      body,
      attributes,
      traceId: stringOf(record.get("traceId")) ?? "",
      spanId: stringOf(record.get("spanId")) ?? "",
    },
  };
}

function severityOf(json: Json | undefined): number {
  const number = isNumber(json) ? Number(json) : 0;
  return Number.isInteger(number) && number >= 1 && number <= 24 ? number : 0;
}

/** Attributes as members; undefined if they are not well formed. */
function attributesOf(json: Json | undefined, depth = 0): Members | undefined {
  const present = presentOf(json);
  const items = present === undefined ? [] : itemsOf(present);
  if (items === undefined) return undefined;
  const attributes = new Map<string, Json>();
  for (const item of items) {
    const pair = membersOf(item);
    const key = stringOf(pair?.get("key"));
    const given = presentOf(pair?.get("value"));
    const value = given === undefined ? jsonOf(null) : anyValueOf(given, depth);
    if (key === undefined || value === undefined) return undefined;
    attributes.set(key, value);
  }
  return attributes;
}

/** The JSON that a value of OpenTelemetry stands for; undefined if it is not well formed. */
function anyValueOf(json: Json, depth = 0): Json | undefined {
  const members = membersOf(json);
  if (members === undefined || depth > depthMax) return undefined;
  const [entry] = members;
  if (entry === undefined) return jsonOf(null);
  const [kind, value] = entry;
  switch (kind) {
    case "stringValue":
    case "bytesValue":
      return stringOf(value) === undefined ? undefined : value;
    case "boolValue":
      return value === "true" || value === "false" ? value : undefined;
    case "intValue":
      return integerOf(value);
    case "doubleValue":
      return isNumber(value) || stringOf(value) !== undefined ? value : undefined;
    case "arrayValue":
      return arrayOf(membersOf(value)?.get("values"), depth + 1);
    case "kvlistValue": {
      const pairs = attributesOf(membersOf(value)?.get("values"), depth + 1);
      return pairs && objectOf(pairs);
    }
    default:
      return undefined;
  }
}

function arrayOf(json: Json | undefined, depth: number): Json | undefined {
  const items = json === undefined ? [] : itemsOf(json);
  const values: Json[] = [];
  for (const item of items ?? []) {
    const value = anyValueOf(item, depth);
    if (value === undefined) return undefined;
    values.push(value);
  }
  return items && listOf(values);
}

const integer = /^-?(?:0|[1-9]\d*)$/;

/** The specification writes integers as strings, some exporters as numbers; both keep their digits. */
function integerOf(json: Json): Json | undefined {
  if (isNumber(json)) return json;
  const text = stringOf(json);
  return text !== undefined && integer.test(text) ? (text as Json) : undefined;
}

/** A number of 64 bits in whatever form. Characters. */
const nanosCharsMax = 32;

/** Undefined for what is not a whole number. */
function nanosOf(json: Json | undefined): bigint | undefined {
  const present = presentOf(json);
  if (present === undefined) return 0n;
  const digits = integerOf(present);
  // Sixty-four bits have 20 digits; millions of them take seconds to read.
  if (digits === undefined || digits.length > nanosCharsMax) return undefined;
  if (integer.test(digits)) return BigInt(digits);
  const number = Number(digits);
  return Number.isInteger(number) ? BigInt(number) : undefined;
}
