/** The view `refused`: events that other vendors' SDKs sent and that were not accepted, each with the reason. */
import { emptyQuery, identifier, literal } from "../sql/literals.ts";
import type { CatalogItem } from "./item.ts";

/** Columns of the view, and the types of the members of a line, `refused/record.ts`, that they come from. */
const columns = {
  refused_at: "TIMESTAMPTZ",
  subject: "VARCHAR",
  protocol: "VARCHAR",
  reason: "VARCHAR",
  event_id: "UUID",
} as const;

/** Members of a line besides the columns: the event is a string, and every whole line has a checksum. */
const others = { event: "VARCHAR", is_mapped: "BOOLEAN", crc32: "VARCHAR" } as const;

/**
 * What the view of a catalog's file reads of a folder's files of refused events: a pattern, so that a reader also sees
 * events that were refused after the publication. DuckDB takes a backslash before a pattern as a separator of folders,
 * so in a folder with one in its path the files of this moment are named. None if there is no file.
 */
export function refusedFilesIn(root: string, names: readonly string[]): readonly string[] {
  return names.length === 0 || root.includes("\\") ? names : ["*.ndjson"];
}

/** Files of refused events, by names or patterns that match at least one; none: the view is empty. */
type RefusedSources = {
  files: readonly string[];
  /** Returns an SQL expression for the list of the paths of these files. */
  listOf: (files: readonly string[]) => string;
};

/** The view `refused`. The last line of a file may be half written, and is then left out. */
export function refusedView({ files, listOf }: RefusedSources): CatalogItem {
  return {
    kind: "view",
    name: "refused",
    query: files.length === 0 ? emptyQuery({ ...columns, event: "JSON" }) : linesQuery(listOf(files)),
    comment: {
      meaning:
        "Events from other vendors' SDKs that were not accepted. Once the cause is mended, `millrace redrive` sends them again.",
      example: "SELECT protocol, reason, count(*) FROM refused GROUP BY ALL ORDER BY count(*) DESC",
    },
    columns: {
      refused_at: {
        meaning: "When it was refused.",
        example: "SELECT count(*) FROM refused WHERE refused_at >= now() - INTERVAL 1 DAY",
      },
      subject: {
        meaning: "The subject of the token, or the name of the write key, that it was sent with.",
        example: "SELECT subject, count(*) FROM refused GROUP BY subject",
      },
      protocol: {
        meaning: "How it was sent: segment, posthog, otlp or cloudevents.",
        example: "SELECT protocol, count(*) FROM refused GROUP BY protocol",
      },
      reason: { meaning: "Why it was not accepted.", example: "SELECT DISTINCT reason FROM refused" },
      event_id: {
        meaning: "Its id, under which it is sent again; one that the server made if it had none.",
        example: "SELECT * FROM refused WHERE event_id = '01900000-0000-7000-8000-000000000000'",
      },
      event: {
        meaning: "The event: as the API takes it, or, if it could not be mapped, as the SDK sent it.",
        example: "SELECT event->>'$.event_name' AS name, count(*) FROM refused GROUP BY name",
      },
    },
  };
}

const linesQuery = (files: string) =>
  `SELECT ${[...Object.keys(columns), "event"].map(identifier).join(", ")} FROM (${refusedLinesQuery(files)})`;

/**
 * Selects the whole lines of files, by an SQL expression for the list of their paths: the columns of the view, and
 * `is_mapped` and `crc32`.
 */
export function refusedLinesQuery(files: string): string {
  const types = Object.entries({ ...columns, ...others }).map(([name, type]) => `${name}: ${literal(type)}`);
  const options = `format = 'newline_delimited', columns = {${types.join(", ")}}, ignore_errors = true`;
  return `SELECT * REPLACE (CASE WHEN json_valid(event) THEN event::JSON ELSE to_json(event) END AS event)
    FROM read_json(${files}, ${options}) WHERE crc32 IS NOT NULL`;
}
