/** What does not fit a schema, in the form of the other faults of a body. */
import type { ErrorObject } from "ajv";
import type { Issue } from "../event/parse/issue.ts";
import type { PropertiesPlace } from "../event/parse/property-schemas.ts";
import { memberOf } from "../event/parse/values.ts";

/** A list of allowed values is cut here. Characters. */
const allowedCharsMax = 200;

/** An issue of type `json_schema` at the place of a fault. For a missing property, that place is where it should be. */
export function issueOf(error: ErrorObject, { loc, value, exact }: PropertiesPlace): Issue {
  const path: (string | number)[] = [];
  let at = { value, exact };
  const enter = (key: string | number) => {
    path.push(key);
    at = { value: memberOf(at.value, key), exact: memberOf(at.exact, key) };
  };
  for (const part of error.instancePath.split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    enter(Array.isArray(at.value) ? Number(key) : key);
  }
  const { missingProperty, additionalProperty, unevaluatedProperty, propertyName } = error.params;
  const input = at.exact;
  const own = missingProperty ?? additionalProperty ?? unevaluatedProperty ?? propertyName ?? error.propertyName;
  if (typeof own === "string") enter(own);
  return {
    type: "json_schema",
    loc: [...loc, ...path],
    msg: messageFor(error),
    // As for a missing field of an event: the object that lacks it.
    input: missingProperty === undefined ? at.exact : input,
    ctx: { keyword: error.keyword, schema_path: error.schemaPath },
  };
}

/** Where a fault is, as a JSON pointer, and what it is: for a log, which shows nothing of the event. */
export function faultText(error: ErrorObject): string {
  // The schema names what is missing; other names in `params` are the event's.
  const { missingProperty: missing } = error.params;
  const path = typeof missing === "string" ? `${error.instancePath}/${missing}` : error.instancePath;
  return `${path || "properties"}: ${messageFor(error)}`;
}

function messageFor({ keyword, message, params }: ErrorObject): string {
  if (keyword === "required") return "Field required by the schema";
  const allowed = keyword === "enum" ? params["allowedValues"] : keyword === "const" ? [params["allowedValue"]] : [];
  if (!Array.isArray(allowed) || allowed.length === 0) return `Input ${message ?? "does not fit the schema"}`;
  const text = allowed.map((value) => JSON.stringify(value)).join(", ");
  const shown = text.length > allowedCharsMax ? `${text.slice(0, allowedCharsMax)}…` : text;
  return `Input must be ${allowed.length === 1 ? shown : `one of ${shown}`}`;
}
