/** A view or a macro of the catalog, and the statements that create it and comment on it. */
import { identifier, literal } from "../sql/literals.ts";

/**
 * What an analyst reads in `duckdb_views()`, `duckdb_columns()` or `duckdb_functions()`: a meaning and a query that
 * runs.
 */
type Comment = { meaning: string; example: string };

/** A view or a table macro, with its comments. */
export type CatalogItem = {
  name: string;
  /** SELECT statement. */
  query: string;
  comment: Comment;
} & (
  | { kind: "view"; columns: Readonly<Record<string, Comment>> }
  | {
      kind: "macro";
      /** Names of the parameters that every call gives. */
      parameters: readonly string[];
      /**
       * The parameters that a call may leave out, after the others: name to SQL of the default. A parameter hides every
       * column of its name in the query.
       */
      defaults?: Readonly<Record<string, string>>;
    }
);

/** Text of a comment; its example is everything after `Example: `. */
const commentText = ({ meaning, example }: Comment) => literal(`${meaning} Example: ${example}`);

/** The statement that creates an item, without its comments. */
export function creation(item: CatalogItem): string {
  const name = identifier(item.name);
  if (item.kind === "view") return `CREATE OR REPLACE VIEW ${name} AS ${item.query}`;
  const optional = Object.entries(item.defaults ?? {}).map(([given, sql]) => `${identifier(given)} := ${sql}`);
  const parameters = [...item.parameters.map(identifier), ...optional];
  return `CREATE OR REPLACE MACRO ${name}(${parameters.join(", ")}) AS TABLE ${item.query}`;
}

/** The statements that create an item and comment on it. */
export function itemStatements(item: CatalogItem): string[] {
  const name = identifier(item.name);
  if (item.kind === "macro") return [creation(item), `COMMENT ON MACRO TABLE ${name} IS ${commentText(item.comment)}`];
  return [
    creation(item),
    `COMMENT ON VIEW ${name} IS ${commentText(item.comment)}`,
    ...Object.entries(item.columns).map(
      ([column, comment]) => `COMMENT ON COLUMN ${name}.${identifier(column)} IS ${commentText(comment)}`,
    ),
  ];
}
