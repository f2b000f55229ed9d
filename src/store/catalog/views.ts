/**
 * The catalog's content as SQL: the same views and macros in the catalog's file and in a query's process.
 */
import type { ShardId } from "../../base/brand.ts";
import { segmentsQuery } from "../segment/segments-query.ts";
import { emptyQuery, identifier, integer, listLiteral, literal } from "../sql/literals.ts";
import { clockOf } from "../sql/utc.ts";
import { eventViews } from "./event-views.ts";
import { type CatalogItem, itemStatements } from "./item.ts";
import { catalogMacros } from "./questions/questions.ts";
import { refusedView } from "./refused-view.ts";
import { type TypedEvent, typedViews } from "./typed-views.ts";

/** A current segment, by its name in the folder `segments`. */
export type CatalogSegment = { file: string; shard: ShardId; bytes: number };

/** Every event that the shard accepted before the watermark is in the view. */
export type ShardWatermark = { shard: ShardId; watermarkMs: number };

/** The record of an erasure, without anything of what was erased. */
export type ErasureReceipt = {
  /** UUID. */
  id: string;
  /** When the last byte was gone, ms since 1970. */
  erasedAtMs: number;
  /** The token's `sub`, or null. */
  by: string | null;
  /** SHA-256 of the request, in hex. */
  requestHash: string;
  events: number;
  /** The first catalog without them. */
  catalogVersion: number;
};

/** Everything that a catalog is made of. */
export type CatalogContent = {
  /** Absolute path of the data folder, where the segments are unless the reader says otherwise. */
  root: string;
  segments: readonly CatalogSegment[];
  /**
   * SELECT of what is accepted and not sealed, in the columns of `events`; undefined if nothing of it is to be shown.
   */
  unsealed: string | undefined;
  watermarks: readonly ShardWatermark[];
  erasures: readonly ErasureReceipt[];
  /** Files of refused events, by names or a pattern in their folder (`refusedFilesIn`); none if there is no file. */
  refusedFiles: readonly string[];
  /** Event names that have a schema, each with a view of its own. */
  typedEvents: readonly TypedEvent[];
  /** Counts up with each publication. */
  version: number;
  publishedAtMs: number;
};

/** SQL expression: the data folder. A reader of a copy sets its place: `SET VARIABLE millrace_dir = '…'`. */
const folderOf = ({ root }: CatalogContent) => `coalesce(getvariable('millrace_dir'), ${literal(root)})`;

/** Returns the SQL expression for the list of the paths of files in a folder of the data folder. */
const listIn = (content: CatalogContent, folder: string) => (files: readonly string[]) =>
  `list_transform(${listLiteral(files)}, lambda file: ${folderOf(content)} || '/${folder}/' || file)`;

/** Names of the segments, and the SQL expression for the list of the paths of some of them. */
const segmentsOf = (content: CatalogContent) => ({
  files: content.segments.map(({ file }) => file),
  listOf: listIn(content, "segments"),
});

/** SQL literal of a time, ms since 1970. */
const instant = (ms: number) => `'${new Date(ms).toISOString()}'::TIMESTAMPTZ`;

/**
 * Selects rows that the query itself contains. `columns` gives their types, `rows` their SQL literals in that order.
 */
function inlineQuery(columns: Readonly<Record<string, string>>, rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return emptyQuery(columns);
  const typed = Object.entries(columns).map(([name, type]) => `${identifier(name)}::${type} AS ${identifier(name)}`);
  const names = Object.keys(columns).map(identifier);
  return `SELECT ${typed.join(", ")}
    FROM (VALUES ${rows.map((row) => `(${row.join(", ")})`).join(", ")}) AS inline(${names.join(", ")})`;
}

function freshnessView(content: CatalogContent): CatalogItem {
  const segments = inlineQuery(
    { file: "VARCHAR", shard: "INTEGER", bytes: "BIGINT" },
    content.segments.map(({ file, shard, bytes }) => [literal(file), integer(shard), integer(bytes)]),
  );
  const watermarks = inlineQuery(
    { shard: "INTEGER", watermark: "TIMESTAMPTZ" },
    content.watermarks.map(({ shard, watermarkMs }) => [integer(shard), instant(watermarkMs)]),
  );
  const rollups = segmentsQuery({ table: "rollup", ...segmentsOf(content), extra: ["filename"] });
  const counted = `SELECT parse_filename(filename) AS file, sum(events) AS rows FROM (${rollups}) GROUP BY filename`;
  const unsealed = content.unsealed === undefined ? "0" : `(SELECT count(*) FROM (${content.unsealed}))`;
  return {
    kind: "view",
    name: "freshness",
    query: `
      WITH segment AS (${segments}), watermarks AS (${watermarks}), counted AS (${counted}),
      by_shard AS (
        SELECT shard, any_value(watermark) AS watermark, coalesce(sum(rows), 0) AS rows,
          count(file) AS segments, coalesce(sum(bytes), 0) AS bytes
        FROM watermarks FULL JOIN segment USING (shard) LEFT JOIN counted USING (file) GROUP BY shard
      ),
      told AS (
        FROM by_shard
        UNION ALL
        SELECT NULL, min(watermark), coalesce(sum(rows), 0) + ${unsealed}, coalesce(sum(segments), 0), coalesce(sum(bytes), 0)
        FROM by_shard
      )
      SELECT shard, watermark, rows::BIGINT AS rows, segments::BIGINT AS segments, bytes::BIGINT AS bytes,
        ${clockOf("now()")} - ${clockOf("watermark")} AS age
      FROM told ORDER BY shard NULLS FIRST`,
    comment: {
      meaning:
        "How fresh and how large this view of the events is: one row for each shard (9999: imported events) and, where shard is NULL, one for all.",
      example: "SELECT watermark, age, rows FROM freshness WHERE shard IS NULL",
    },
    columns: {
      shard: {
        meaning: "Number of the shard; 9999: imported events, which no shard accepted; NULL: all together.",
        example: "SELECT rows FROM freshness WHERE shard = 9999",
      },
      watermark: {
        meaning:
          "Every event that was accepted before this time is in this view; for all shards, the earliest of theirs.",
        example:
          "SELECT count(*) FROM events WHERE received_at < (SELECT watermark FROM freshness WHERE shard IS NULL)",
      },
      rows: {
        meaning: "Events in segments; in the row for all also those that are visible and not sealed yet.",
        example: "SELECT shard, rows FROM freshness WHERE shard IS NOT NULL",
      },
      bytes: {
        meaning: "Size of the segments on disk.",
        example: "SELECT bytes / rows AS bytes_an_event FROM freshness WHERE shard IS NULL",
      },
      age: {
        meaning: "Time from the watermark to the start of the query.",
        example: "SELECT age < INTERVAL 1 MINUTE AS is_fresh FROM freshness WHERE shard IS NULL",
      },
    },
  };
}

function erasuresView({ erasures }: CatalogContent): CatalogItem {
  const columns = {
    id: "UUID",
    erased_at: "TIMESTAMPTZ",
    by_subject: "VARCHAR",
    request_hash: "VARCHAR",
    events: "BIGINT",
    catalog_version: "BIGINT",
  };
  const rows = erasures.map((receipt) => [
    literal(receipt.id),
    instant(receipt.erasedAtMs),
    receipt.by === null ? "NULL" : literal(receipt.by),
    literal(receipt.requestHash),
    integer(receipt.events),
    integer(receipt.catalogVersion),
  ]);
  return {
    kind: "view",
    name: "erasures",
    query: inlineQuery(columns, rows),
    comment: {
      meaning: "Receipts of erasures; nothing of what was erased.",
      example: "SELECT * FROM erasures ORDER BY erased_at DESC",
    },
    columns: {
      erased_at: {
        meaning: "When the last byte was gone.",
        example: "SELECT count(*), sum(events) FROM erasures WHERE erased_at >= now() - INTERVAL 30 DAY",
      },
      by_subject: {
        meaning: "The subject of the token that asked for it; NULL where it was asked at the command line.",
        example: "SELECT by_subject, sum(events) FROM erasures GROUP BY by_subject",
      },
      request_hash: {
        meaning: "SHA-256 of what was asked, in hex.",
        example: `SELECT * FROM erasures WHERE request_hash = '${"0".repeat(64)}'`,
      },
      catalog_version: {
        meaning: "The first version of the catalog without these events.",
        example: "SELECT * FROM erasures WHERE catalog_version > (SELECT version - 100 FROM catalog)",
      },
    },
  };
}

function catalogView(content: CatalogContent): CatalogItem {
  return {
    kind: "view",
    name: "catalog",
    query: `SELECT ${integer(content.version)} AS version, ${instant(content.publishedAtMs)} AS published_at,
      ${folderOf(content)} AS millrace_dir`,
    comment: { meaning: "This catalog itself, in one row.", example: "FROM catalog" },
    columns: {
      version: { meaning: "Counts up with each publication.", example: "SELECT version FROM catalog" },
      millrace_dir: {
        meaning:
          "The data folder whose segments the views read. After SET VARIABLE millrace_dir = '/new/place' they read those.",
        example: "SELECT millrace_dir FROM catalog",
      },
    },
  };
}

/** Views and macros of the catalog, but for the typed views, in the order in which they are created. */
export const catalogItems = (content: CatalogContent): CatalogItem[] => [
  ...eventViews({ ...segmentsOf(content), unsealed: content.unsealed }),
  ...catalogMacros,
  freshnessView(content),
  erasuresView(content),
  refusedView({ files: content.refusedFiles, listOf: listIn(content, "refused") }),
  catalogView(content),
];

/**
 * Statements that make the catalog, with its comments, in the current database (`USE`). Typed views are made over an
 * `events` without segments, which the real one then replaces: DuckDB opens files whenever it makes a view over them.
 */
export function catalogStatements(content: CatalogContent): string[] {
  const { typedEvents } = content;
  const typed = typedEvents.length === 0 ? [] : [...eventsWithoutFiles, ...typedViews(typedEvents)];
  return [...typed, ...catalogItems(content)].flatMap(itemStatements);
}

/** The views over events of a folder without any. */
export const eventsWithoutFiles: readonly CatalogItem[] = eventViews({
  files: [],
  listOf: listLiteral,
  unsealed: undefined,
});

/** Names of the catalog's views and macros, in lower case. */
export const catalogNames = ({ typedEvents }: CatalogContent): Set<string> =>
  new Set([...catalogItems(emptyCatalog), ...typedViews(typedEvents)].map(({ name }) => name.toLowerCase()));

/** The catalog of a folder without events. */
export const emptyCatalog: CatalogContent = {
  root: ".",
  segments: [],
  unsealed: undefined,
  watermarks: [],
  erasures: [],
  refusedFiles: [],
  typedEvents: [],
  version: 0,
  publishedAtMs: 0,
};

/**
 * Statements that turn one catalog into another: only what differs is made. Views over files that are gone by then are
 * never read.
 */
export function statementsBetween(before: CatalogContent, content: CatalogContent): string[] {
  const textOf = (item: CatalogItem) => itemStatements(item).join(";");
  const [typedBefore, typed] = [typedViews(before.typedEvents), typedViews(content.typedEvents)];
  const made = new Set([...typedBefore, ...catalogItems(before)].map(textOf));
  const isNew = (item: CatalogItem) => !made.has(textOf(item));
  const names = new Set(typed.map(({ name }) => name));
  const dropped = typedBefore.filter(({ name }) => !names.has(name)).map(({ name }) => `DROP VIEW ${identifier(name)}`);
  const newTyped = typed.filter(isNew);
  const hasFiles = before.segments.length > 0 || before.unsealed !== undefined;
  // Typed views are made over an `events` without files, as `catalogStatements` does; then it has to be made again.
  const emptied = newTyped.length > 0 && hasFiles ? eventsWithoutFiles : [];
  const emptiedNames = new Set(emptied.map(({ name }) => name));
  const items = catalogItems(content).filter((item) => isNew(item) || emptiedNames.has(item.name));
  return [...dropped, ...[...emptied, ...newTyped, ...items].flatMap(itemStatements)];
}
