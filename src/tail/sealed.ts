/** Reads what a reader of the tail lacks from segments: in a query's process, some thousand events at a time. */
import { unreachable } from "../base/invariant.ts";
import { within } from "../base/within.ts";
import type { QueryRefusal } from "../query/process.ts";
import type { QueryRunner } from "../query/runner.ts";
import type { TailFilter } from "./filter.ts";
import { eventMessage } from "./message.ts";
import type { Position } from "./position.ts";

/** One query reads this many events: some MB. A process for each takes as long as reading some thousand. */
const eventsMax = 20_000;

/** Before a query is tried again that had no place, or whose files were replaced. ms */
const retryPauseMs = 500;

/** A reader that has had no room for this long gives its place to other queries until it has. ms */
const placeKeptMs = 1_000;

/** What is read: the events of a shard from a position on, up to the event `to`. `epoch` is part of each position. */
type SealedWanted = { epoch: number; position: Position; shard: number; to: number; filter: TailFilter };

/** Who reads. `put` resolves once there is room for more. */
type SealedReader = {
  subject: string | null;
  signal: AbortSignal;
  put: (messages: string, position: Position) => Promise<void>;
};

/** The service could not read; the message is for the log. */
export class SealedNotRead extends Error {}

/**
 * Passes on the events, and returns the position after them; undefined if the reader has gone.
 * @throws SealedNotRead
 */
export async function readSealed(
  queries: Pick<QueryRunner, "run">,
  { epoch, position: from, shard, to, filter }: SealedWanted,
  reader: SealedReader,
): Promise<Position | undefined> {
  let position = from;
  let most = eventsMax;
  while ((position[shard] ?? 0) < to) {
    const sealed = { shard, after: position[shard] ?? 0, to, values: filter, eventsMax: most };
    const { subject } = reader;
    // One of its own for each query: the reader's would keep every query that it ever had.
    const signal = AbortSignal.any([reader.signal]);
    const query = { sql: "", parameters: [], format: "ndjson", sealed } as const;
    let cut: QueryRefusal | undefined;
    const onCut = (refusal: QueryRefusal) => {
      cut = refusal;
    };
    const answer = await queries.run(query, { subject, signal, onCut });
    let events = 0;
    let room = Promise.resolve();
    let isFull = false;
    if (answer.ok)
      try {
        for await (const lines of linesOf(answer.body)) {
          let messages = "";
          for (const line of lines) {
            const { sequence, json } = parseRow(line);
            position = position.with(shard, sequence);
            messages += eventMessage({ epoch, position }, json);
          }
          events += lines.length;
          room = reader.put(messages, position);
          isFull =
            (await within(
              room.then(() => true),
              placeKeptMs,
            )) === undefined;
          // To leave the loop cancels the answer, which ends the query.
          if (isFull) break;
        }
      } catch (error) {
        // An answer that broke off is continued where it ended.
        if (cut === undefined) throw error;
      }
    await room;
    if (signal.aborted) return undefined;
    if (isFull) continue;
    const refusal = answer.ok ? cut : answer.refusal;
    if (refusal !== undefined) most = await afterRefusal(refusal, most);
    else if (events < most) position = position.with(shard, to);
  }
  return position;
}

/** Waits, or reads fewer events at a time from now on; returns how many. */
async function afterRefusal({ kind, message }: QueryRefusal, most: number): Promise<number> {
  switch (kind) {
    case "memory":
    case "rows":
      if (most === 1) throw new SealedNotRead(`one event needs more memory than a query may have: ${message}`);
      return Math.ceil(most / 8);
    case "busy":
    case "time":
    case "interrupted":
    case "unavailable":
    case "gone":
      await Bun.sleep(retryPauseMs);
      return most;
    case "refused":
    case "broken":
      throw new SealedNotRead(message);
    default:
      return unreachable(kind);
  }
}

/** A row begins with its sequence; the rest is the event as it is sent. */
function parseRow(line: string): { sequence: number; json: string } {
  const start = '{"sequence":'.length;
  const end = line.indexOf(",", start);
  return { sequence: Number(line.slice(start, end)), json: `{${line.slice(end + 1)}` };
}

/** Lines without their ends, as they come. */
async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string[]> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    if (lines.length > 0) yield lines;
  }
}
