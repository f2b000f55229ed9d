/** Checks whether a string is an SQL condition that an erasure can use. */
import { DuckDBTypeId } from "@duckdb/node-api";
import { MillraceError, messageOf } from "../base/errors.ts";
import { eventColumns } from "../event/columns.ts";
import { isRecord } from "../event/parse/parse.ts";
import { judgeCondition } from "../query/statement.ts";
import type { DuckDB } from "../store/sql/duckdb.ts";
import { duckdbFailureOf } from "../store/sql/failures.ts";
import { emptyQuery, literal } from "../store/sql/literals.ts";

/** DuckDB rejects the condition, it fails on an event, or it exceeds its memory. */
export class ConditionRefused extends MillraceError {
  override readonly name = "ConditionRefused";
}

/** The condition in brackets. The line break closes a trailing SQL comment. */
export const bracketed = (condition: string) => `(${condition}\n)`;

/**
 * Checks that a string is one BOOLEAN expression over the columns of `events` that gives the same result for an event
 * each time: an erasure evaluates it several times, also after a restart.
 * @throws ConditionRefused with what is wrong
 */
export async function requireCondition(duckdb: DuckDB, condition: string): Promise<void> {
  // Judged as it was sent: inside our brackets, its own brackets could change its meaning.
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
    // DuckDB types a bare NULL as INTEGER.
    const shown = /^\W*NULL\W*$/i.test(condition) ? "NULL" : type;
    throw new ConditionRefused(`The condition must be BOOLEAN, such as session_id = 'x'; this one is ${shown}`);
  });
}

/** Runs `ask` and turns DuckDB's errors about the condition into ConditionRefused. Other errors pass through. */
export async function refusedByDuckDB(ask: () => Promise<void>): Promise<void> {
  try {
    await ask();
  } catch (error) {
    const text = messageOf(error);
    // Only the first line is kept: the rest suggests settings, which nobody can change here, or quotes the statement.
    const [first = ""] = text.split("\n", 1);
    const failure = duckdbFailureOf(error);
    if (failure === "memory")
      throw new ConditionRefused("The condition needs more memory than it may have", { cause: error });
    if (failure !== "statement" && failure !== "data") throw error;
    throw new ConditionRefused(first, { cause: error });
  }
}

/**
 * The first name in a condition whose value changes between statements, sessions or runs; undefined if there is none.
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
  // A constant holds the client's data, which may have any shape.
  if (tree["class"] === "CONSTANT") return undefined;
  const { function_name: called, column_names: names, children } = tree;
  if (typeof called === "string" && isChanging(called, children, changing)) return called;
  // The parser reads `current_date` without brackets as a column.
  const [only, ...more] = Array.isArray(names) ? names : [];
  // `events` alone is the whole row, whose extra columns differ between the search and the rewrite.
  if (typeof only === "string" && more.length === 0 && (isChangingWord(only) || /^events$/i.test(only))) return only;
  return changingIn(Object.values(tree), changing);
}

/** `age` with one argument counts from the current date. */
const isChanging = (called: string, children: unknown, changing: ReadonlySet<string>) =>
  changing.has(called.toLowerCase()) ||
  (called.toLowerCase() === "age" && Array.isArray(children) && children.length === 1);

const isChangingWord = (word: string) => /^(?:current_|local(?:time|timestamp)$|session_user$|user$)/i.test(word);
