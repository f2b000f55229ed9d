/** Streamed results of DuckDB have one reader, which knows a failure from an end. */
import ts from "typescript";
import { type Project, placeOf, walk } from "./project.ts";

/** The one file that may. */
const reader = "src/store/sql/duckdb.ts";

/** What node-api calls its ways to rows that are not there yet. */
const streaming = /^(?:stream|streamAndRead\w*|startStream\w*|fetchChunk|fetchAllChunks|yield\w*Rows?\w*)$/;

/** Streams of bytes have the same name as one of them. */
const bytes = /^(?:Bun\.|new (?:Blob|Response|Request)\()/;

/** Only `store/sql/duckdb.ts` streams rows: after an error node-api gives the same empty chunk as at the end. */
export function streamsElsewhere({ modules }: Project): string[] {
  const complaints: string[] = [];
  for (const module of modules.values()) {
    if (!module.path.startsWith("src/") || module.path === reader) continue;
    walk(module.source, (node) => {
      if (!ts.isPropertyAccessExpression(node) || !streaming.test(node.name.text)) return;
      if (node.name.text === "stream" && bytes.test(node.expression.getText(module.source))) return;
      complaints.push(`${placeOf(module, node)} ${node.name.text}`);
    });
  }
  return complaints;
}
