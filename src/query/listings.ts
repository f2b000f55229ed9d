/**
 * DuckDB's functions that list the catalog, limited to our own views, columns and macros: analysts read their comments
 * there. Macros of the same names stand before the functions, in the sandbox alone.
 */

/** Whatever shows the SQL of a view shows the names of files. */
const views = `SELECT * REPLACE (NULL::VARCHAR AS sql) FROM system.main.duckdb_views() WHERE NOT internal`;

const tables = `SELECT * REPLACE (NULL::VARCHAR AS sql) FROM system.main.duckdb_tables() WHERE NOT internal`;

const columns = `SELECT * FROM system.main.duckdb_columns() WHERE NOT internal`;

// Without these macros themselves.
const functions = `SELECT * REPLACE (NULL::VARCHAR AS macro_definition) FROM system.main.duckdb_functions()
  WHERE NOT internal AND NOT starts_with(function_name, 'duckdb_')`;

const queries = { duckdb_views: views, duckdb_tables: tables, duckdb_columns: columns, duckdb_functions: functions };

/** Names of the macros. */
export const listings: ReadonlySet<string> = new Set(Object.keys(queries));

/** Statements that make them. */
export const listingStatements: readonly string[] = Object.entries(queries).map(
  ([name, query]) => `CREATE MACRO ${name}() AS TABLE ${query}`,
);
