/**
 * Decides which SQL from outside may run, from the tree that DuckDB's own parser makes of it.
 *
 * Invariants:
 * - One statement, and it is a SELECT, or an EXPLAIN of one. Only its tree decides whether it may run.
 * - A table is one of ours or of the query's own WITH; a table function is on the list. What is not known is refused.
 * - This is the first wall of two: the process that runs the statement can open no file but those of the view.
 */
import { isRecord } from "../event/parse/parse.ts";
import type { DuckDB } from "../store/sql/duckdb.ts";
import { explained, withPivotColumns } from "./sql-text.ts";
import { characters, parseTree, type StatementFault } from "./tree.ts";

/** Names that a statement may use in addition to its own. */
type KnownNames = {
  /** Views and table macros of the catalog, in lower case. */
  catalog: ReadonlySet<string>;
  /** Table macros that replace DuckDB's functions of the same name. */
  listings?: ReadonlySet<string>;
};

/** Table functions that make rows only of their arguments. */
const tableFunctions = new Set(["range", "generate_series", "unnest", "json_each", "json_tree", "repeat"]);

/** Tables of `information_schema` that show no path, unlike its `views`. */
const schemaTables = new Set(["tables", "columns"]);

/**
 * Functions that show settings, variables, paths or the whole statement, or that run SQL from a string. `finalize` and
 * `combine` take states of aggregates as bytes, and trust them.
 */
const deniedFunctions = new Set([
  "current_setting",
  "getvariable",
  "getenv",
  "query",
  "query_table",
  "current_query",
  "json_serialize_plan",
  "json_execute_serialized_sql",
  "finalize",
  "combine",
  "write_log",
  "nextval",
  "currval",
  "glob",
  "sniff_csv",
  "which_secret",
]);

/** Families of such functions. The two exceptions in `pg_` only look at a value. */
const deniedFamilies = /^(?:duckdb_|pragma_|read_|parquet_|sqlite_|__|pg_(?!typeof$|size_pretty$))/;

const isDenied = (name: string) => deniedFunctions.has(name) || deniedFamilies.test(name);

const nodeTypes = new Set(["SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"]);

const tableTypes = new Set([
  "EMPTY",
  "BASE_TABLE",
  "SUBQUERY",
  "JOIN",
  "TABLE_FUNCTION",
  "EXPRESSION_LIST",
  "PIVOT",
  "SHOW_REF",
]);

/** Kinds of expression that only use values. */
const plainClasses = new Set([
  "CONSTANT",
  "COLUMN_REF",
  "FUNCTION",
  "OPERATOR",
  "CAST",
  "COMPARISON",
  "CONJUNCTION",
  "CASE",
  "BETWEEN",
  "LAMBDA",
  "LAMBDA_REF",
  "COLLATE",
  "TYPE",
]);

const queryClasses = new Set([...plainClasses, "STAR", "SUBQUERY", "WINDOW", "PARAMETER", "POSITIONAL_REFERENCE"]);

/**
 * A statement that may run: its EXPLAIN with options, if it has one, the rest, and the names of its parameters, in
 * order.
 */
type Judged =
  | { ok: true; explain: string | undefined; sql: string; parameters: string[] }
  | { ok: false; fault: StatementFault };

/**
 * Judges a statement that is to be run unchanged.
 * @throws whatever DuckDB throws, except for SQL that it cannot parse
 */
export async function judgeStatement(duckdb: DuckDB, text: string, known: KnownNames): Promise<Judged> {
  const { head, statement: sql } = explained(text) ?? { head: undefined, statement: text };
  const before = head === undefined ? 0 : [...head].length;
  let parsed = await parseTree(duckdb, sql);
  let judged = sql;
  if (!parsed.ok && parsed.isForeign) {
    judged = withPivotColumns(sql);
    if (judged !== sql) parsed = await parseTree(duckdb, judged);
  }
  if (!parsed.ok) return { ok: false, fault: shifted(parsed.fault, -before) };
  const fault = placed(judged, faultIn(parsed.node, { known, ctes: new Set(), classes: queryClasses }));
  if (fault !== undefined) return { ok: false, fault: shifted(fault, -before) };
  return { ok: true, explain: head, sql, parameters: [...new Set(parametersIn(parsed.node))] };
}

/** Names of parameters; parameters without a name are `1`, `2`. */
function parametersIn(tree: unknown): string[] {
  if (Array.isArray(tree)) return tree.flatMap(parametersIn);
  if (!isRecord(tree) || tree["class"] === "CONSTANT") return [];
  return tree["class"] === "PARAMETER" ? [String(tree["identifier"])] : Object.values(tree).flatMap(parametersIn);
}

/**
 * Judges a condition for a WHERE on `events`, where it stands in brackets on lines of its own. It must be one
 * expression over the columns, without a subquery or a parameter. Undefined: it is allowed.
 */
export async function judgeCondition(duckdb: DuckDB, condition: string): Promise<StatementFault | undefined> {
  const before = "SELECT 1 FROM events WHERE (\n";
  const whole = await parseTree(duckdb, `${before}${condition}\n)`);
  if (!whole.ok) return shifted(whole.fault, before.length);
  // SQL that closes the bracket around it and opens another one cannot do so with both kinds of brackets.
  const listed = await parseTree(duckdb, `SELECT [\n${condition}\n]`);
  const plain = await parseTree(duckdb, `${before}true\n)`);
  const alone = listed.ok ? onlyItem(listed.node) : undefined;
  if (!plain.ok || alone === undefined) return noCondition;
  const { where_clause: where, ...rest } = whole.node;
  const { where_clause: _, ...restOfPlain } = plain.node;
  if (!isAlike(rest, restOfPlain) || !isAlike(where, alone)) return noCondition;
  const scope = { known: { catalog: new Set<string>() }, ctes: new Set<string>(), classes: plainClasses };
  const fault = placed(`${before}${condition}`, faultIn(where, scope));
  return fault && shifted(fault, before.length);
}

const noCondition: StatementFault = { message: "One condition is needed, and nothing beside it", position: undefined };

type TreeFault = { message: string; byte: number | undefined };

type Scope = {
  known: KnownNames;
  /** Names from WITH, in lower case. */
  ctes: ReadonlySet<string>;
  classes: ReadonlySet<string>;
};

const placed = (sql: string, fault: TreeFault | undefined): StatementFault | undefined =>
  fault && {
    message: fault.message,
    position: fault.byte === undefined ? undefined : characters(sql, fault.byte),
  };

const shifted = (fault: StatementFault, by: number): StatementFault => ({
  ...fault,
  position: fault.position === undefined ? undefined : Math.max(0, fault.position - by),
});

/** The first thing in a tree that is not allowed. */
function faultIn(tree: unknown, scope: Scope): TreeFault | undefined {
  if (Array.isArray(tree)) return firstFault(tree, (item) => faultIn(item, scope));
  if (!isRecord(tree)) return undefined;
  // A constant's content comes from the client, in any shape.
  if (tree["class"] === "CONSTANT") return undefined;
  const fault = faultOf(tree, scope);
  if (fault !== undefined) return fault;
  if (tree["type"] === "TABLE_FUNCTION" && isRecord(tree["function"]))
    return faultInMembers({ ...tree, function: tree["function"]["children"] }, scope);
  if (tree["type"] === "RECURSIVE_CTE_NODE") return faultInRecursive(tree, scope);
  return faultInMembers(tree, scope);
}

/** Each of a node's names from WITH is visible to the ones after it, and to the node. */
function faultInMembers(tree: Record<string, unknown>, scope: Scope): TreeFault | undefined {
  const { cte_map: withs, ...members } = tree;
  const entries = isRecord(withs) && Array.isArray(withs["map"]) ? withs["map"] : [];
  let inner = scope;
  for (const entry of entries) {
    if (!isRecord(entry) || typeof entry["key"] !== "string") return unknown(tree);
    const fault = faultIn(entry["value"], inner);
    if (fault !== undefined) return fault;
    inner = { ...inner, ctes: new Set([...inner.ctes, entry["key"].toLowerCase()]) };
  }
  return firstFault(Object.values(members), (member) => faultIn(member, inner));
}

/** Only the recursive part sees the name of the whole. */
function faultInRecursive(tree: Record<string, unknown>, scope: Scope): TreeFault | undefined {
  const { right, ...rest } = tree;
  const name = String(tree["cte_name"]).toLowerCase();
  return faultInMembers(rest, scope) ?? faultIn(right, { ...scope, ctes: new Set([...scope.ctes, name]) });
}

function firstFault(items: readonly unknown[], faultOfItem: (item: unknown) => TreeFault | undefined) {
  for (const item of items) {
    const fault = faultOfItem(item);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** What is wrong with a node itself, without its members. */
function faultOf(node: Record<string, unknown>, scope: Scope): TreeFault | undefined {
  const { class: kind, type } = node;
  if (kind !== undefined) return faultOfExpression(node, scope);
  if (typeof type !== "string") return "function_name" in node || "table_name" in node ? unknown(node) : undefined;
  if (type.endsWith("_NODE")) return nodeTypes.has(type) ? undefined : unknown(node);
  // Of everything that is neither an expression nor a query node, only what follows FROM can have a sample.
  if ("sample" in node || "table_name" in node) return faultOfTable(node, scope);
  return "function_name" in node ? unknown(node) : undefined;
}

function faultOfExpression(node: Record<string, unknown>, { classes }: Scope): TreeFault | undefined {
  if (!classes.has(String(node["class"]))) return unknown(node);
  if (!("function_name" in node)) return undefined;
  const name = String(node["function_name"]).toLowerCase();
  if (node["export_state"] === true) return unknown(node);
  return isDenied(name) ? at(node, `The function ${name} cannot be used here`) : undefined;
}

function faultOfTable(node: Record<string, unknown>, { known, ctes }: Scope): TreeFault | undefined {
  const type = String(node["type"]);
  if (!tableTypes.has(type)) return unknown(node);
  if (type === "SHOW_REF") return isRecord(node["query"]) || isShownList(node) ? undefined : unknownShow(node);
  if (type === "PIVOT" && hasPivotEnum(node)) return unknown(node);
  if (type === "TABLE_FUNCTION") {
    const called = isRecord(node["function"]) ? node["function"] : {};
    const name = String(called["function_name"]).toLowerCase();
    const isKnown = tableFunctions.has(name) || known.catalog.has(name) || known.listings?.has(name) === true;
    return isKnown && isInMain(called["schema"], called["catalog"])
      ? undefined
      : at(node, `The table function ${name} cannot be used here`);
  }
  if (type !== "BASE_TABLE") return undefined;
  const name = String(node["table_name"]).toLowerCase();
  const schema = String(node["schema_name"]).toLowerCase();
  const catalog = node["catalog_name"];
  if (schema === "" && catalog === "" && ctes.has(name)) return undefined;
  if (known.catalog.has(name) && isInMain(schema, catalog)) return undefined;
  if (schema === "information_schema" && catalog === "" && schemaTables.has(name)) return undefined;
  return at(node, `There is no table ${JSON.stringify(String(node["table_name"]))} that can be read here`);
}

/** What SHOW lists besides columns: our views and tables, by name. */
const shownLists = new Set(['"tables"', "__show_tables_expanded"]);

const isShownList = ({
  query,
  show_type: kind,
  table_name: name,
  schema_name: schema,
  catalog_name: catalog,
}: Record<string, unknown>) =>
  query === null &&
  catalog === "" &&
  (kind === "SHOW_FROM" ? schema === "main" : schema === "" && shownLists.has(String(name)));

const unknownShow = (node: Record<string, unknown>) =>
  at(node, "Only SHOW TABLES, SHOW ALL TABLES and SHOW of a view can be used here");

const isInMain = (schema: unknown, catalog: unknown) => (schema === "" || schema === "main") && catalog === "";

/** Whether a pivot takes its columns from a type, by name. */
const hasPivotEnum = ({ pivots }: Record<string, unknown>) =>
  !Array.isArray(pivots) || pivots.some((pivot) => !isRecord(pivot) || pivot["pivot_enum"] !== "");

/** DuckDB marks a node without a place with 2^64 - 1, which is not a safe integer. */
function at({ query_location: location }: Record<string, unknown>, message: string): TreeFault {
  return { message, byte: typeof location === "number" && Number.isSafeInteger(location) ? location : undefined };
}

const unknown = (node: Record<string, unknown>) =>
  at(node, `${String(node["class"] ?? node["type"] ?? "This")} cannot be used here`);

/** The item of the only list of `SELECT [item]`. */
function onlyItem({ select_list: selected }: Record<string, unknown>): unknown {
  if (!Array.isArray(selected) || selected.length !== 1 || !isRecord(selected[0])) return undefined;
  const { function_name: name, children } = selected[0];
  return name === "list_value" && Array.isArray(children) && children.length === 1 ? children[0] : undefined;
}

/** Whether two trees are the same but for the places in them. */
const isAlike = (a: unknown, b: unknown) => JSON.stringify(a, withoutPlaces) === JSON.stringify(b, withoutPlaces);

const withoutPlaces = (key: string, value: unknown) => (key === "query_location" ? undefined : value);
