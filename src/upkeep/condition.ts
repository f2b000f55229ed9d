/** Whether a string is an SQL condition that an erasure can be asked with. */
import { DuckDBTypeId } from "@duckdb/node-api";
import { MillraceError, messageOf } from "../base/errors.ts";
import { eventColumns } from "../event/columns.ts";
import { isRecord } from "../event/parse/parse.ts";
import { judgeCondition } from "../query/statement.ts";
import type { DuckDB } from "../store/sql/duckdb.ts";
import { duckdbFailureOf } from "../store/sql/failures.ts";
import { emptyQuery, literal } from "../store/sql/literals.ts";

/** DuckDB does not take a condition, it fails on an event, or it needs more than it may have. */
export class ConditionRefused extends MillraceError {
  override readonly name = "ConditionRefused";
}

/** The condition in brackets; the line break ends a comment that it may end with. */
export const bracketed = (condition: string) => `(${condition}\n)`;

/**
 * Checks that a string is one BOOLEAN expression over the columns of `events` that says the same of an event whenever
 * it is asked: an erasure asks several times, and goes on after a restart.
 * @throws ConditionRefused with what is wrong
 */
export async function requireCondition(duckdb: DuckDB, condition: string): Promise<void> {
  // As it was sent: within brackets of ours, brackets of its own could make it another one.
  const fault = await judgeCondition(duckdb, condition);
  if (fault !== undefined) throw new ConditionRefused(fault.message);
  const changing = await changingCall(duckdb, condition);
  if (changing !== undefined)
    throw new ConditionRefused(
      `The condition uses ${changing}, which does not give the same value each time; write the value itself`,
    );
  const from = `FROM (${emptyQuery(eventColumns)}) AS events`;
  await refusedByDuckDB(async () => {
    const result = await duckdb.result(`SELECT ${bracketed(condition)} AS holds ${from}`);
    const type = result.columnType(0);
    if (type.typeId === DuckDBTypeId.BOOLEAN) return;
    // DuckDB takes a bare NULL for an INTEGER.
    const shown = /^\W*NULL\W*$/i.test(condition) ? "NULL" : type;
    throw new ConditionRefused(`The condition must be BOOLEAN, such as session_id = 'x'; this one is ${shown}`);
  });
}

/** Does what asks DuckDB about a condition; what DuckDB has against the condition becomes a ConditionRefused. */
export async function refusedByDuckDB(ask: () => Promise<void>): Promise<void> {
  try {
    await ask();
  } catch (error) {
    const text = messageOf(error);
    // What follows the first line advises settings, which nobody can change here, or shows the statement around the
    // place.
    const [first = ""] = text.split("\n", 1);
    const failure = duckdbFailureOf(error);
    if (failure === "memory")
      throw new ConditionRefused("The condition needs more memory than it may have", { cause: error });
    if (failure !== "statement" && failure !== "data") throw error;
    throw new ConditionRefused(first, { cause: error });
  }
}

/**
 * The first thing in a condition that differs from one statement, session or run to the next; undefined: there is none.
 */
async function changingCall(duckdb: DuckDB, condition: string): Promise<string | undefined> {
  const rows = await duckdb.rows(
    `SELECT DISTINCT lower(function_name) AS name FROM duckdb_functions()
     WHERE function_type = 'scalar' AND stability IS DISTINCT FROM 'CONSISTENT'`,
  );
  const changing = new Set(rows.map(({ name }) => String(name)));
  const statement = `SELECT 1 FROM events WHERE ${bracketed(condition)}`;
  const [row] = await duckdb.rows(`SELECT json_serialize_sql(${literal(statement)}::VARCHAR)::VARCHAR AS tree`);
  return changingIn(JSON.parse(String(row?.["tree"])), changing);
}

function changingIn(tree: unknown, changing: ReadonlySet<string>): string | undefined {
  if (Array.isArray(tree) || !isRecord(tree)) {
    for (const item of Array.isArray(tree) ? tree : []) {
      const found = changingIn(item, changing);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  // What a constant holds was written by the client, in whatever shape.
  if (tree["class"] === "CONSTANT") return undefined;
  const { function_name: called, column_names: names, children } = tree;
  if (typeof called === "string" && isChanging(called, children, changing)) return called;
  // `current_date` without brackets is read as a column until it is bound.
  const [only, ...more] = Array.isArray(names) ? names : [];
  // The row as a whole: what it holds besides the columns of `events` differs between the search and the rewrite.
  if (typeof only === "string" && more.length === 0 && (isChangingWord(only) || /^events$/i.test(only))) return only;
  return changingIn(Object.values(tree), changing);
}

/** With one argument, `age` counts from the current date. */
const isChanging = (called: string, children: unknown, changing: ReadonlySet<string>) =>
  changing.has(called.toLowerCase()) ||
  (called.toLowerCase() === "age" && Array.isArray(children) && children.length === 1);

const isChangingWord = (word: string) => /^(?:current_|local(?:time|timestamp)$|session_user$|user$)/i.test(word);
