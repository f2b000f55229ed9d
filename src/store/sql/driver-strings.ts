/**
 * Returns strings exactly as DuckDB holds them. The driver, node-api, decodes every string of a result with one
 * TextDecoder, which drops a first U+FEFF as a byte order mark. In a client's string that character is data.
 */
import { textDecoder } from "@duckdb/node-api/lib/vectors/dataAccessors.js";

const keeping = new TextDecoder("utf-8", { ignoreBOM: true });

/** Makes the driver keep a first U+FEFF in values, in nested values, and in keys. */
export function keepFirstMarks(): void {
  // The driver's decoder is patched. To read each string as bytes (`encode`) would need another query for each type.
  textDecoder.decode = keeping.decode.bind(keeping);
}
