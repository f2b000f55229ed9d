/** Runs an alert's SQL as a client's, and reads the first cell of its first row. */

import { jsonOrUndefined } from "../base/json.ts";
import type { QueryRefusal } from "../query/process.ts";
import type { QueryRunner } from "../query/runner.ts";

/** What was measured, or why nothing was. */
export type Measured = { ok: true; value: number } | { ok: false; problem: string };

/** The frame of the answer and its first row are far smaller. Bytes. */
const headBytesMax = 1024 * 1024;

/** Measures once. `signal` aborts when nobody waits for it any more. */
export async function measure(queries: QueryRunner, sql: string, signal: AbortSignal): Promise<Measured> {
  let cut: QueryRefusal | undefined;
  const onCut = (refusal: QueryRefusal) => {
    cut = refusal;
  };
  const answer = await queries.run({ sql, parameters: [], format: "json" }, { subject: null, signal, onCut });
  if (!answer.ok) return problemOf(answer.refusal);
  try {
    return cellOf(await headOf(answer.body));
  } catch (error) {
    // The answer broke off before its first row was whole.
    if (cut === undefined) throw error;
    return problemOf(cut);
  }
}

const problemOf = ({ kind, message }: QueryRefusal): Measured => ({
  ok: false,
  problem: message === "" ? outcomes[kind] : message,
});

const outcomes = {
  refused: "the statement was refused",
  rows: "it has more rows than a query may return",
  memory: "it needs more memory than a query may have",
  interrupted: "a file was replaced meanwhile",
  unavailable: "no process could be started for it",
  broken: "its process failed",
  busy: "another query ran",
  time: "it took longer than a query may",
  gone: "the service stops",
} as const;

/** The beginning of an answer, with its first two lines: the columns, and the first row or the end. */
async function headOf(body: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let head = "";
  // To leave the loop cancels the stream, which ends the process.
  for await (const chunk of body) {
    head += decoder.decode(chunk, { stream: true });
    if (head.length > headBytesMax || /\n[^\n]*\n/.test(head)) break;
  }
  return head;
}

function cellOf(head: string): Measured {
  const [, line = "", rest] = head.split("\n", 3);
  if (rest === undefined) return { ok: false, problem: `its first row is larger than ${headBytesMax} bytes` };
  const row = jsonOrUndefined(line.replace(/,$/, ""));
  if (!Array.isArray(row)) return { ok: false, problem: "it has no row" };
  const [value]: unknown[] = row;
  if (typeof value === "number") return { ok: true, value };
  return { ok: false, problem: `the first cell of its first row is ${value === null ? "NULL" : "not a number"}` };
}
