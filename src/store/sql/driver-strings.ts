/**
 * Strings as DuckDB holds them. The driver, node-api, decodes every string of a result with one TextDecoder, which
 * takes a first U+FEFF for a mark of the encoding and drops it. In a string of a client that character is data.
 */
import { textDecoder } from "@duckdb/node-api/lib/vectors/dataAccessors.js";

const keeping = new TextDecoder("utf-8", { ignoreBOM: true });

/** Makes the driver keep a first U+FEFF, in values, in what stands within them, and in keys. */
export function keepFirstMarks(): void {
  // The one decoder is replaced in its place. Each string as bytes (`encode`) would take another query for each type.
  textDecoder.decode = keeping.decode.bind(keeping);
}
