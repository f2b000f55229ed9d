/**
 * DuckDB's functions that list the catalog, limited to our own views, columns and macros: analysts read their comments
 * there. In the sandbox alone, macros of the same names hide the functions.
 */

/** The SQL is left out, since a view's SQL shows names of files. */
const views = `SELECT * REPLACE (NULL::VARCHAR AS sql) FROM system.main.duckdb_views() WHERE NOT internal`;

const tables = `SELECT * REPLACE (NULL::VARCHAR AS sql) FROM system.main.duckdb_tables() WHERE NOT internal`;

const columns = `SELECT * FROM system.main.duckdb_columns() WHERE NOT internal`;

// Without these macros themselves.
const functions = `SELECT * REPLACE (NULL::VARCHAR AS macro_definition) FROM system.main.duckdb_functions()
  WHERE NOT internal AND NOT starts_with(function_name, 'duckdb_')`;

const queries = { duckdb_views: views, duckdb_tables: tables, duckdb_columns: columns, duckdb_functions: functions };

/** Names of these macros. */
export const listings: ReadonlySet<string> = new Set(Object.keys(queries));

/** Statements that create these macros. */
export const listingStatements: readonly string[] = Object.entries(queries).map(
  ([name, query]) => `CREATE MACRO ${name}() AS TABLE ${query}`,
);
