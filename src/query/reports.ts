/** Reads what a query's process reports on standard error. */
import { jsonOrUndefined } from "../base/json.ts";
import { isRecord } from "../event/parse/parse.ts";
import type { QueryReport } from "./protocol.ts";

/** A report is one line; a longer line is not one. Bytes. */
const lineBytesMax = 64 * 1024;

/** Yields each report as it comes, until the process closes the stream. Anything else in it is dropped. */
export async function* reportsOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<QueryReport> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = (lines.pop() ?? "").slice(0, lineBytesMax);
    for (const line of lines) {
      const said = line.startsWith("{") ? jsonOrUndefined(line) : undefined;
      // Our own code wrote it, so its shape is trusted.
      if (isRecord(said) && typeof said["kind"] === "string") yield said as QueryReport;
    }
  }
}
