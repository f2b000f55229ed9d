/** Schemas of properties, without a folder. */

import { schemaFileName } from "../../src/schema/files.ts";
import { SchemaSet } from "../../src/schema/set.ts";

/** The schemas of these event names, as a shard has them. */
export function schemaSet(mode: "warn" | "enforce", schemas: Readonly<Record<string, unknown>>): SchemaSet {
  const files = Object.entries(schemas).map(([eventName, schema]) => ({
    file: schemaFileName(eventName),
    eventName,
    text: JSON.stringify(schema),
  }));
  return new SchemaSet({ mode, files });
}
