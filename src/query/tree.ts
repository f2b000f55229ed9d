/** Parses SQL into the tree of DuckDB's own parser. */
import { isRecord } from "../event/parse/parse.ts";
import type { DuckDB } from "../store/sql/duckdb.ts";
import { literal } from "../store/sql/literals.ts";

/** Why a statement is refused. */
export type StatementFault = {
  message: string;
  /** Code points before the fault; undefined if it has no place. */
  position: number | undefined;
};

/** `isForeign`: DuckDB has no tree for such a statement. */
type Parsed = { ok: true; node: Record<string, unknown> } | NotParsed;

type NotParsed = { ok: false; fault: StatementFault; isForeign: boolean };

/** The type of error by which DuckDB's `json_serialize_sql` says that the SQL is wrong. Any other: it has no tree. */
const wrongSql = "parser";

/** Parses one statement with DuckDB's own parser. */
export async function parseTree(duckdb: DuckDB, sql: string): Promise<Parsed> {
  const refuse = (message: string, position?: number): NotParsed => ({
    ok: false,
    fault: { message, position },
    isForeign: false,
  });
  // DuckDB would stop reading at this character.
  if (sql.includes("\0")) return refuse("SQL cannot hold the character U+0000");
  const [row] = await duckdb.rows(`SELECT json_serialize_sql(${literal(sql)}::VARCHAR)::VARCHAR AS tree`);
  const tree: unknown = JSON.parse(
    String(row?.["tree"]).replace(foreignNumbers, (text, number) => (number ? "null" : text)),
  );
  if (!isRecord(tree)) return refuse("This cannot be read as SQL");
  if (tree["error"] !== false) {
    if (tree["error_type"] !== wrongSql) return { ...refuse(notSelect), isForeign: true };
    // The parser's position counts characters; the places in a tree count bytes.
    const at = tree["position"] === undefined ? undefined : Number(tree["position"]);
    return refuse(`Parser Error: ${tree["error_message"]}`, at);
  }
  const statements = Array.isArray(tree["statements"]) ? tree["statements"] : [];
  if (statements.length !== 1) return refuse(`One statement can be run at a time, not ${statements.length}`);
  const [statement] = statements;
  return isRecord(statement) && isRecord(statement["node"])
    ? { ok: true, node: statement["node"] }
    : refuse("This cannot be read as SQL");
}

const notSelect =
  "Only a SELECT can be run: SELECT, FROM, WITH, VALUES, PIVOT, UNPIVOT, SUMMARIZE, DESCRIBE, SHOW TABLES, or EXPLAIN of one";

/**
 * A string, or what DuckDB writes for a constant beyond a DOUBLE, which is not JSON and is replaced by null: the value
 * of a constant does not matter.
 */
const foreignNumbers = /"(?:[^"\\]|\\.)*"|(-?(?:Infinity|NaN|inf|nan))/g;

/** How many code points are in the first `bytes` bytes. */
export const characters = (text: string, bytes: number) => [...Buffer.from(text).subarray(0, bytes).toString()].length;
