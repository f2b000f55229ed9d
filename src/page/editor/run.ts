/** Runs a statement of the SQL view: reads its first rows, or all of it as a file. */
import { inTurn } from "../service/ask.ts";
import { request, ServiceGone } from "../service/request.ts";
import { type Answer, readAnswer } from "./answer.ts";

/** A person reads no further; a file holds the rest. */
const bounds = { rowsMax: 10_000, charactersMax: 16_000_000 };

/** A statement's first rows, when the service was asked, and how long that took. */
export type Run = Answer & { readonly sql: string; readonly asOfMs: number; readonly tookMs: number };

/**
 * Runs a statement after the page's other questions.
 * @throws ServiceGone, ServiceRefused, DOMException AbortError
 */
export const run = (sql: string, signal: AbortSignal): Promise<Run> =>
  inTurn(signal, async () => {
    const asOfMs = Date.now();
    const startedMs = performance.now();
    // The connection ends with this, also where rows are left unread: the service ends the query then.
    const reading = new AbortController();
    const body = await bodyOf(sql, "json", AbortSignal.any([signal, reading.signal]));
    const answer = await readAnswer(piecesOf(body), bounds).catch((error: unknown) => {
      // Not even the columns came.
      throw error instanceof TypeError ? new ServiceGone(brokenOff) : error;
    });
    reading.abort();
    return { ...answer, sql, asOfMs, tookMs: performance.now() - startedMs };
  });

/**
 * All rows as CSV. `onBytes` hears how many have come.
 * @throws ServiceGone when the answer breaks off, ServiceRefused, DOMException AbortError
 */
export const runAsCsv = (sql: string, signal: AbortSignal, onBytes: (bytes: number) => void): Promise<Blob> =>
  inTurn(signal, async () => {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    let bytes = 0;
    try {
      for await (const piece of piecesOf(await bodyOf(sql, "csv", signal))) {
        pieces.push(piece);
        bytes += piece.length;
        onBytes(bytes);
      }
    } catch (error) {
      if (error instanceof TypeError) throw new ServiceGone(brokenOff);
      throw error;
    }
    return new Blob(pieces, { type: "text/csv" });
  });

/** Why an answer that had begun is not whole. */
export const brokenOff =
  "The answer broke off: it met the service's limit of rows, memory or time, or the connection was lost. Ask for less, or add a LIMIT.";

async function bodyOf(
  sql: string,
  format: "json" | "csv",
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const { body } = await request("api/v1/analytics/query", { body: { sql, format }, signal });
  if (body === null) throw new ServiceGone("What answered is not this service");
  return body;
}

/** Not every browser iterates over a stream by itself. */
async function* piecesOf(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    // It fails where the connection has failed already, which `read` has told.
    await reader.cancel().catch(() => undefined);
  }
}
