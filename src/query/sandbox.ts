/**
 * A process for one query: it loads DuckDB, waits for an order on standard input, answers on standard output, and ends.
 * Its reports are on standard error, one line of JSON each; if the last one is neither `answered` nor a failure, the
 * process died. Its argument is DuckDB's memory in MiB.
 *
 * Invariants:
 * - A client's statement runs only after DuckDB was locked and the statement was judged.
 * - No message that leaves this process names a folder.
 */
import "../base/utc-only.ts";
import { closeSync, mkdirSync, writeSync } from "node:fs";
import { join, relative } from "node:path";
import { codeOf, messageOf } from "../base/errors.ts";
import { endAtOnce, yieldMemory } from "../base/limited-process.ts";
import { viewFolderFor } from "../store/catalog/folder-view.ts";
import { isListing, statementsNamedIn } from "../store/catalog/named.ts";
import { catalogNames, emptyCatalog } from "../store/catalog/views.ts";
import { dataFolder } from "../store/folder/names.ts";
import { type SealedEvents, sealedEventsQuery } from "../store/segment/sealed-events.ts";
import { DuckDB } from "../store/sql/duckdb.ts";
import { duckdbFailureOf } from "../store/sql/failures.ts";
import { lockDuckDB } from "../store/sql/lock-duckdb.ts";
import { asFailed, ofFiles, QueryFailed, refused, withoutMacroPlace } from "./failures.ts";
import { makeFifo, throughFifo } from "./fifo.ts";
import {
  copyStatement,
  firstRows,
  isJsonFormat,
  JsonFrame,
  jsonCopyStatement,
  valuesQuery,
  type Wrapped,
} from "./formats.ts";
import { listingStatements, listings } from "./listings.ts";
import { argumentsFor } from "./parameters.ts";
import type { QueryFailure, QueryOrder, QueryReport } from "./protocol.ts";
import { runWrapped } from "./run.ts";
import { withoutSemicolon } from "./sql-text.ts";
import { judgeStatement } from "./statement.ts";

/** Disk space for sorts and joins that exceed their memory. MiB */
const spillMiB = 1024;

/**
 * Nothing is sent before this much of an answer is there, or all of it: an early failure can still be a status. Bytes.
 */
const heldBytesMax = 256 * 1024;

async function main(): Promise<void> {
  yieldMemory();
  // What needs no order is done before it comes. The process starts in its scratch folder.
  const home = process.cwd();
  const [fifo, spillTo] = [join(home, "rows"), join(home, "spill")];
  try {
    makeFifo(fifo);
    mkdirSync(spillTo, { mode: 0o700 });
  } catch (error) {
    report({ kind: "unavailable", message: messageOf(error), position: undefined });
    endAtOnce();
  }
  using duckdb = await DuckDB.open({ threads: 1, memoryMiB: Number(process.argv[2]), spillTo, spillMiB });
  await rehearse(duckdb, fifo);
  report({ kind: "ready" });
  const order = readOrder(await Bun.stdin.text());
  report({ kind: "taken" });
  try {
    await answer(duckdb, order, fifo);
  } catch (error) {
    const { message, ...failure } = error instanceof QueryFailed ? error.failure : broken(error);
    report({ ...failure, message: withoutFolders(message, [home, order.scratch, order.root]) });
    end();
  }
  report({ kind: "answered" });
  end();
}

/** Standard output ends first: to end the process takes as long as a small query. */
function end(): never {
  closeSync(1);
  return endAtOnce();
}

/**
 * Carries out a query that nobody asked for, with nothing of the folder open. The first one of a process takes twice as
 * long as the next one, since it loads what was not used before.
 */
async function rehearse(duckdb: DuckDB, fifo: string): Promise<void> {
  const sql = "SELECT 1";
  await duckdb.script([...statementsNamedIn("events", emptyCatalog), "DROP VIEW events"]);
  await judgeStatement(duckdb, sql, { catalog: new Set() });
  // The outlet keeps what is small, and is not flushed.
  await send(duckdb, { sql, values: undefined }, { format: "json", rowsMax: 1 }, { out: new Outlet(), fifo });
}

const report = (said: QueryReport) => writeSync(2, `${JSON.stringify(said)}\n`);

/** A failure outside of the client's statement: our own fault, or a segment that was removed while it was opened. */
function broken(error: unknown): QueryFailure {
  const message = messageOf(error);
  const code = codeOf(error);
  const failure = duckdbFailureOf(error);
  const isGone = code === "ENOENT" || (failure !== undefined && ofFiles.has(failure));
  // Any other code is the system's, when the scratch folder could not be written.
  const kind = isGone ? "interrupted" : code === undefined ? "broken" : "unavailable";
  return { kind, message, position: undefined };
}

/**
 * Reads the order; large integers become bigints, so that they keep their digits. The service wrote the order, so its
 * shape is known.
 */
function readOrder(text: string): QueryOrder {
  const order: unknown = JSON.parse(text, (_key, value, { source }) =>
    typeof value === "number" && source !== undefined && /^-?\d+$/.test(source) && !Number.isSafeInteger(value)
      ? BigInt(source)
      : value,
  );
  return order as QueryOrder;
}

async function answer(duckdb: DuckDB, order: QueryOrder, fifo: string): Promise<void> {
  // From within the folder no path of the view is absolute, so that no statement can show one.
  process.chdir(order.root);
  if (order.sealed !== undefined) return await answerSealed(duckdb, order, { sealed: order.sealed, fifo });
  using view = viewFolderFor(order.sql, dataFolder("."), relative(order.root, order.scratch));
  const named = statementsNamedIn(order.sql, view.content);
  await duckdb.script([...named, ...(isListing(order.sql) ? listingStatements : []), errorsAsJson]);
  const refusedFiles = view.content.refusedFiles.map((file) => join(order.root, "refused", file));
  const segments = view.content.segments.map(({ file }) => join("segments", file));
  const unsealed = view.files.map((file) => join(order.root, file));
  await lock(duckdb, { segments, others: [...refusedFiles, ...unsealed, fifo] }, order);
  const known = { catalog: catalogNames(view.content), listings };
  const judged = await judgeStatement(duckdb, order.sql, known).catch((error: unknown) => {
    // The SQL is inside a statement of ours, whose positions mean nothing to the client.
    throw asFailed(error, order.sql, Number.POSITIVE_INFINITY);
  });
  if (!judged.ok) throw new QueryFailed({ kind: "refused", ...judged.fault });
  const given = argumentsFor(judged.parameters, order.parameters);
  if (!given.ok) throw refused(given.message);
  const asked = { sql: judged.sql, values: given.text === "" ? undefined : given.text };
  const out = new Outlet();
  try {
    const sent = judged.explain === undefined ? asked : await planOf(duckdb, judged.explain, asked);
    const rows = await send(duckdb, sent, order, { out, fifo });
    if (rows > order.rowsMax) throw tooManyRows(order);
  } catch (error) {
    throw named.some((statement) => /^CREATE OR REPLACE MACRO\b/.test(statement)) ? withoutMacroPlace(error) : error;
  }
  out.flush();
}

/** From here on DuckDB's errors have the places that a client is shown. */
const errorsAsJson = "SET errors_as_json = true";

/** Answers for the tail: the statement is ours, and the values in it are literals. */
async function answerSealed(
  duckdb: DuckDB,
  order: QueryOrder,
  { sealed, fifo }: { sealed: SealedEvents; fifo: string },
): Promise<void> {
  const { sql, files } = sealedEventsQuery(dataFolder("."), sealed);
  await duckdb.run(errorsAsJson);
  await lock(duckdb, { segments: files, others: [fifo] }, order);
  const out = new Outlet();
  const rows = await send(duckdb, { sql, values: undefined }, order, { out, fifo });
  if (rows > order.rowsMax) throw tooManyRows(order);
  out.flush();
}

const tooManyRows = ({ rowsMax }: QueryOrder) =>
  new QueryFailed({
    kind: "rows",
    message: `The result has more than ${rowsMax} rows; aggregate, or add a LIMIT`,
    position: undefined,
  });

/**
 * From here on DuckDB can read only these files, and its settings cannot be changed. `segments` are paths below the
 * data folder.
 */
async function lock(
  duckdb: DuckDB,
  { segments, others }: { segments: readonly string[]; others: readonly string[] },
  { root }: QueryOrder,
): Promise<void> {
  const paths = segments.map((segment) => join(root, segment));
  // DuckDB looks for a write-ahead log beside each file that it opens.
  const files = [...paths, ...paths.map((path) => `${path}.wal`), ...others];
  await lockDuckDB(duckdb, { files });
}

/** A statement that was judged, with its arguments as SQL; undefined where it has no parameters. */
type Asked = { sql: string; values: string | undefined };

/** Sends the rows of a statement and returns their number. */
async function send(
  duckdb: DuckDB,
  asked: Asked,
  { format, rowsMax }: Pick<QueryOrder, "format" | "rowsMax">,
  { out, fifo }: { out: Outlet; fifo: string },
): Promise<number> {
  if (!isJsonFormat(format)) {
    const copy = copyStatement({ sql: asked.sql, format, target: fifo, rowsMax });
    return throughFifo(fifo, {
      copy: async () => (await run(duckdb, copy, asked.values)).rowsChanged,
      take: (bytes) => out.write(bytes),
      interrupt: () => duckdb.interrupt(),
    });
  }
  const described = await run(duckdb, firstRows(asked.sql, 0), asked.values);
  const columns = { names: described.columnNames(), types: described.columnTypes(), isUtc: true };
  const frame = new JsonFrame(format, columns);
  out.write(frame.head());
  const copy = jsonCopyStatement({ sql: asked.sql, format, columns, target: fifo, rowsMax });
  const rows = await throughFifo(fifo, {
    copy: async () => (await run(duckdb, copy, asked.values)).rowsChanged,
    take: (bytes) => out.write(frame.rows(bytes)),
    interrupt: () => duckdb.interrupt(),
  });
  out.write(frame.tail(rows));
  return rows;
}

const run = (duckdb: DuckDB, wrapped: Wrapped, values: string | undefined) =>
  runWrapped(duckdb, wrapped, { values, onError: asFailed });

/** The plan of a statement, as rows that can be sent in any format. */
async function planOf(duckdb: DuckDB, head: string, { sql, values }: Asked): Promise<Asked> {
  try {
    if (values !== undefined) await duckdb.run(`PREPARE asked AS ${withoutSemicolon(sql)}`);
    const result = await duckdb.result(values === undefined ? head + sql : `${head} EXECUTE asked(${values})`);
    return { sql: await valuesQuery(result), values: undefined };
  } catch (error) {
    throw asFailed(error, head + sql, 0);
  }
}

/** Standard output; writes block until the service has taken them. */
class Outlet {
  #held: Uint8Array[] | undefined = [];
  #heldBytes = 0;

  write(bytes: Uint8Array): void {
    this.#heldBytes += bytes.byteLength;
    if (this.#held === undefined) writeAllOut(bytes);
    else this.#held.push(bytes);
    if (this.#held !== undefined && this.#heldBytes >= heldBytesMax) this.flush();
  }

  flush(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const bytes of held) writeAllOut(bytes);
  }
}

function writeAllOut(bytes: Uint8Array): void {
  for (let written = 0; written < bytes.byteLength; ) written += writeSync(1, bytes, written);
}

/** Names of files may be shown; the folders of these files may not. */
const withoutFolders = (message: string, folders: readonly string[]) =>
  folders.reduce((text, folder) => text.replaceAll(`${folder}/`, "").replaceAll(folder, "."), message);

// Not awaited: a bundle with bytecode has no await at its top level.
void main();
