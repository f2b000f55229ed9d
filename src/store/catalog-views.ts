/** What the catalog says, as SQL: the same views and macros whether they stand in the catalog's file or in a query's process. */
import type { ShardId } from "../base/brand.ts";
import { eventColumns } from "../event/columns.ts";
import { listLiteral, literal } from "./duckdb.ts";
import { emptyHourlyQuery, emptyQuery, hourlyQuery } from "./rollup.ts";

/** A current segment, by its name in the folder `segments`. */
export type CatalogSegment = { file: string; shard: ShardId; bytes: number };

/** Every event that the shard accepted before the watermark is in the view. */
export type ShardWatermark = { shard: ShardId; watermarkMs: number };

/** What is kept of an erasure: nothing of what was erased. */
export type ErasureReceipt = {
  /** UUID. */
  id: string;
  /** When the last byte was gone, ms since 1970. */
  erasedAtMs: number;
  /** The token's `sub`, or null. */
  by: string | null;
  /** SHA-256 of what was asked, in hex. */
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
  /** SELECT of what is accepted and not sealed, in the columns of `events`; undefined where there is none to be seen. */
  unsealed: string | undefined;
  watermarks: readonly ShardWatermark[];
  erasures: readonly ErasureReceipt[];
  /** Counts up with each publication. */
  version: number;
  publishedAtMs: number;
};

/**
 * SQL expression for the list of segment paths. A reader of a folder that was copied or mounted elsewhere says where it is:
 * `SET VARIABLE millrace_dir = '…'`.
 */
const pathsOf = ({ root, segments }: CatalogContent) =>
  `list_transform(${listLiteral(segments.map(({ file }) => file))},
    lambda file: coalesce(getvariable('millrace_dir'), ${literal(root)}) || '/segments/' || file)`;

/** Statements that make the catalog in the database that is current (`USE`). */
export function catalogStatements(content: CatalogContent): string[] {
  const paths = pathsOf(content);
  const isEmpty = content.segments.length === 0;
  const events = isEmpty ? emptyQuery(eventColumns) : `FROM read_duckdb(${paths}, table_name = 'events')`;
  return [
    `CREATE VIEW events AS ${events}`,
    `CREATE VIEW events_hourly AS ${isEmpty ? emptyHourlyQuery : hourlyQuery(paths)}`,
  ];
}
