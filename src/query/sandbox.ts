/**
 * A process for one query: it loads DuckDB, waits for an order on standard input, answers on standard output, and ends. A
 * failure is one line of JSON on standard error and exit code 1; whatever else it ends with, it died. Its argument is DuckDB's
 * memory in MiB.
 *
 * Invariants:
 * - The statement of a client runs after DuckDB was locked, and after it was judged.
 * - No text that leaves this process names a folder.
 */
import { closeSync, constants, mkdirSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { DuckDBPreparedStatement, DuckDBValue } from "@duckdb/node-api";
import { codeOf, MillraceError, messageOf } from "../base/errors.ts";
import { yieldMemory } from "../base/limited-process.ts";
import { isRecord } from "../event/parse.ts";
import { catalogStatements } from "../store/catalog-views.ts";
import { DuckDB } from "../store/duckdb.ts";
import { type FolderView, viewFolder } from "../store/folder-view.ts";
import { dataFolder } from "../store/names.ts";
import { listLiteral, literal } from "../store/sql-literals.ts";
import { type CopyFormat, copyPrefix, copyStatement, textOf } from "./formats.ts";
import type { QueryFailure, QueryOrder } from "./protocol.ts";
import { characters, judgeStatement } from "./statement.ts";

/** Ends the query with what is to be told of it. */
class QueryFailed extends MillraceError {
  override readonly name = "QueryFailed";
  readonly failure: QueryFailure;
  constructor(failure: QueryFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** Room for sorts and joins that go past their memory. */
const spillBytesMax = "1GiB";

/** Nothing is sent before so much is there or all of it: what fails early is still told by a status. Bytes. */
const heldBytesMax = 256 * 1024;

async function main(): Promise<void> {
  yieldMemory();
  using duckdb = await DuckDB.open({ threads: 1, memoryMiB: Number(process.argv[2]) });
  const order = readOrder(await Bun.stdin.text());
  try {
    await answer(duckdb, order);
  } catch (error) {
    const { message, ...failure } = error instanceof QueryFailed ? error.failure : broken(error);
    writeSync(2, `${JSON.stringify({ ...failure, message: withoutFolders(message, order) })}\n`);
    process.exit(1);
  }
  process.exit(0);
}

/** What failed before the client's statement was looked at: our own fault, or a segment that went as it was opened. */
function broken(error: unknown): QueryFailure {
  const message = messageOf(error);
  const isGone = codeOf(error) === "ENOENT" || message.startsWith("IO Error");
  return { kind: isGone ? "interrupted" : "broken", message, position: undefined };
}

/** Integers become what has all their digits; the service wrote the order, so its shape is known. */
function readOrder(text: string): QueryOrder {
  const order: unknown = JSON.parse(text, (_key, value, { source }) =>
    typeof value === "number" && source !== undefined && /^-?\d+$/.test(source) && !Number.isSafeInteger(value)
      ? BigInt(source)
      : value,
  );
  return order as QueryOrder;
}

async function answer(duckdb: DuckDB, order: QueryOrder): Promise<void> {
  using view = viewFolder(dataFolder(order.root), order.scratch);
  // The view `catalog` tells where its folder is; from within the folder that is no secret.
  process.chdir(order.root);
  const statements = catalogStatements({ ...view.content, root: "." });
  for (const statement of statements) await duckdb.run(statement);
  const fifo = join(order.scratch, "rows");
  await lock(duckdb, view, order, fifo);
  const known = { catalog: namesMade(statements) };
  const fault = await judgeStatement(duckdb, order.sql, known).catch((error: unknown) => {
    // It stands in a statement of ours, whose places mean nothing to the client.
    throw asFailed(error, order.sql, Number.POSITIVE_INFINITY);
  });
  if (fault !== undefined) throw new QueryFailed({ kind: "refused", ...fault });
  const out = new Outlet();
  const { format } = order;
  const rows =
    format === "json" || format === "ndjson"
      ? await sendText(duckdb, { ...order, format }, out)
      : await sendCopy(duckdb, { ...order, format }, { out, fifo });
  if (rows > order.rowsMax)
    throw new QueryFailed({
      kind: "rows",
      message: `The result has more than ${order.rowsMax} rows; aggregate, or add a LIMIT`,
      position: undefined,
    });
  out.flush();
}

/** Names of views and macros, from the statements that make them. */
function namesMade(statements: readonly string[]): Set<string> {
  const made = /^\s*CREATE\s+(?:OR\s+REPLACE\s+)?(?:VIEW|MACRO)\s+"?(\w+)"?/i;
  return new Set(statements.flatMap((statement) => made.exec(statement)?.[1]?.toLowerCase() ?? []));
}

/** From here on DuckDB reads the view's files, and changes none of its settings. */
async function lock(duckdb: DuckDB, view: FolderView, { root, scratch }: QueryOrder, fifo: string): Promise<void> {
  const spill = join(scratch, "spill");
  mkdirSync(spill, { mode: 0o700 });
  const segments = view.content.segments.map(({ file }) => join(root, "segments", file));
  // DuckDB looks for a log beside each file that it opens.
  const files = [...segments, ...segments.map((segment) => `${segment}.wal`), ...view.files, fifo];
  for (const setting of [
    `temp_directory = ${literal(spill)}`,
    `max_temp_directory_size = '${spillBytesMax}'`,
    `allowed_paths = ${listLiteral(files)}`,
    "enable_external_access = false",
    "autoload_known_extensions = false",
    "allow_community_extensions = false",
    "errors_as_json = true",
    "lock_configuration = true",
  ])
    await duckdb.run(`SET ${setting}`);
}

/** Sends rows written here; gives their number. */
async function sendText(
  duckdb: DuckDB,
  order: QueryOrder & { format: "json" | "ndjson" },
  out: Outlet,
): Promise<number> {
  try {
    const statement = await prepared(duckdb, order.sql, order.parameters);
    const pieces = textOf(await duckdb.streamed(statement, order.sql), order);
    for (;;) {
      const piece = await pieces.next();
      if (piece.done === true) return piece.value;
      out.write(Buffer.from(piece.value));
    }
  } catch (error) {
    throw asFailed(error, order.sql, 0);
  }
}

/** Sends what DuckDB writes; gives the number of rows. */
async function sendCopy(
  duckdb: DuckDB,
  order: QueryOrder & { format: CopyFormat },
  { out, fifo }: { out: Outlet; fifo: string },
): Promise<number> {
  // DuckDB writes to what has a name, and standard output is a socket here, which cannot be opened by one.
  Bun.spawnSync(["mkfifo", "-m", "600", fifo]);
  // Open for both, it neither waits for the other end nor ends before it is closed.
  const end = openSync(fifo, constants.O_RDWR);
  const copying = copy(duckdb, order, fifo).finally(() => closeSync(end));
  const [rows] = await Promise.all([copying, pour(fifo, out)]);
  return rows;
}

async function copy(duckdb: DuckDB, order: QueryOrder & { format: CopyFormat }, target: string): Promise<number> {
  const sql = copyStatement({ ...order, target });
  try {
    const statement = await prepared(duckdb, sql, order.parameters);
    return (await statement.run()).rowsChanged;
  } catch (error) {
    throw asFailed(error, sql, copyPrefix.length);
  }
}

async function pour(fifo: string, out: Outlet): Promise<void> {
  for await (const bytes of Bun.file(fifo).stream()) out.write(bytes);
}

/** Standard output; its writes wait until the service has taken them. */
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

async function prepared(
  duckdb: DuckDB,
  sql: string,
  parameters: QueryOrder["parameters"],
): Promise<DuckDBPreparedStatement> {
  const statement = await duckdb.prepare(sql);
  const wanted = Array.from({ length: statement.parameterCount }, (_, index) => statement.parameterName(index + 1));
  const given: Readonly<Record<string, unknown>> = Array.isArray(parameters)
    ? Object.fromEntries(parameters.map((value, index) => [String(index + 1), value]))
    : { ...parameters };
  const missing = wanted.filter((name) => !Object.hasOwn(given, name));
  const unused = Object.keys(given).filter((name) => !wanted.includes(name));
  if (missing.length > 0) throw refused(`The statement needs a value for ${missing.map(dollar).join(", ")}`);
  if (unused.length > 0) throw refused(`The statement has no parameter ${unused.map(dollar).join(", ")}`);
  if (wanted.length > 0)
    statement.bind(Object.fromEntries(wanted.map((name) => [name, boundValue(name, given[name])])));
  return statement;
}

const dollar = (name: string) => `$${name}`;

const refused = (message: string) => new QueryFailed({ kind: "refused", message, position: undefined });

function boundValue(name: string, value: unknown): DuckDBValue {
  if (value === null || typeof value === "string" || typeof value === "boolean" || typeof value === "bigint")
    return value;
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  throw refused(`The value for $${name} must be a string, a number, a boolean or null; JSON can be sent as a string`);
}

/** What DuckDB says with `errors_as_json`, in its usual words; `before` characters stand before the client's own. */
function asFailed(error: unknown, sql: string, before: number): QueryFailed {
  if (error instanceof QueryFailed) return error;
  const text = messageOf(error);
  const told = jsonAt(text, text.indexOf("{"));
  if (told === undefined) return refused(text);
  const kind = String(told["exception_type"]);
  const message = `${kind} Error: ${told["exception_message"]}`;
  const at = Number(told["position"]);
  const place = (kind === "Parser" ? at : characters(sql, at)) - before;
  const position = told["position"] !== undefined && place >= 0 ? place : undefined;
  // What follows the first line advises settings that a client cannot change.
  if (kind === "Out of Memory")
    return new QueryFailed({ kind: "memory", message: message.split("\n", 1)[0] ?? "", position });
  return new QueryFailed({ kind: kind === "IO" ? "interrupted" : "refused", message, position });
}

function jsonAt(text: string, start: number): Record<string, unknown> | undefined {
  if (start < 0) return undefined;
  try {
    const told: unknown = JSON.parse(text.slice(start));
    return isRecord(told) && "exception_message" in told ? told : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Names of files tell nothing; the folders that they are in are nobody's business. */
const withoutFolders = (message: string, { root, scratch }: QueryOrder) =>
  [scratch, root].reduce((text, folder) => text.replaceAll(`${folder}/`, "").replaceAll(folder, "."), message);

await main();
