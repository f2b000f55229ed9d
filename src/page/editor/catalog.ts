/** What can be asked: the catalog's views with their columns, and its macros, from their own comments. */

/** A column of a view. */
type Column = { readonly name: string; readonly type: string; readonly about: string };

/** A view, or a macro that stands after FROM. */
export type Source = {
  readonly kind: "view" | "macro";
  readonly name: string;
  readonly about: string;
  /** A query that runs, from the comment. */
  readonly example: string | undefined;
  /** A view's. */
  readonly columns: readonly Column[];
  /** A macro's, in order. */
  readonly parameters: readonly string[];
};

/** Everything that completion and the list of examples need, in one statement. `detail`: a type, or parameters. */
export const catalogSql = `SELECT 'view' AS kind, view_name AS name, NULL AS of, NULL AS detail, comment FROM duckdb_views()
UNION ALL SELECT 'column', column_name, table_name, data_type, comment FROM duckdb_columns()
UNION ALL SELECT 'macro', function_name, NULL, array_to_string(parameters, ','), comment
  FROM duckdb_functions() WHERE function_type = 'table_macro'`;

/** Rows of `catalogSql` as sources, sorted by name, views first. Columns stay in the order of the view. */
export function sourcesOf(rows: readonly (readonly (string | null)[])[]): Source[] {
  const columns = Map.groupBy(
    rows.filter(([kind]) => kind === "column"),
    ([, , view]) => view ?? "",
  );
  return rows
    .flatMap(([kind, name, , detail, comment]): Source[] => {
      if (name === null || name === undefined || (kind !== "view" && kind !== "macro")) return [];
      const { about, example } = commentParts(comment ?? "");
      const own = kind === "view" ? (columns.get(name) ?? []) : [];
      return [
        {
          kind,
          name,
          about,
          example,
          columns: own.map(([, column, , type, said]) => ({
            name: column ?? "",
            type: type ?? "",
            about: commentParts(said ?? "").about,
          })),
          parameters: kind === "macro" && detail ? detail.split(",") : [],
        },
      ];
    })
    .sort((a, b) => b.kind.localeCompare(a.kind) || a.name.localeCompare(b.name));
}

/** The meaning and the example of a comment of the catalog. */
function commentParts(comment: string): { about: string; example: string | undefined } {
  const at = comment.indexOf(" Example: ");
  return at < 0
    ? { about: comment, example: undefined }
    : { about: comment.slice(0, at), example: comment.slice(at + " Example: ".length) };
}
