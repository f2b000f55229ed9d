/**
 * The only place that builds or parses a name in the data folder. Names decide what is current, so this is the format.
 *
 * - `millrace.duckdb`: the catalog
 * - `secret`, `crc32`: the generated key, and the checksum of its file
 * - `format`: the folder's format, and the version that wrote it
 * - `sealed.json`, `unreadable.json`: up to where shards are sealed; segments that cannot be read
 * - `typed-views.json`: which event names have a view of their own, and its columns
 * - `alerts.json`: the states of alerts, and whether their webhooks have taken them
 * - `epochs.json`: the runs of a service on this folder, and where each of them began
 * - `quarantine/….duckdb`, `quarantine/….json`: segments in quarantine; markers of what is missing
 * - `import/….ndjson`, `.ids`, `.spool`: events being imported; removed at start
 * - `lock`, `address`: held by the server of this folder; where it listens
 * - `journal/SSSS-FFFFFFFFFFFFFFFF.ndjson`: accepted, not yet sealed: shard, first sequence
 * - `journal/corrupt/…`, `journal/refused/…`: corrupt journals; lines that DuckDB could not read
 * - `segments/SSSS-FFFFFFFFFFFFFFFF-TTTTTTTTTTTTTTTT[-gNNNNNN][-fN]-CCCCCCCC.duckdb`: sealed: shard, first and last
 *   sequence, how often this range was rewritten, format, CRC-32 of the file
 * - `opened/SSSS`: the journal file that a shard opened last
 * - `erasures.ndjson`, `erasure.json`: receipts of erasures; the erasure under way
 * - `erasure-ids.ndjson`: the anonymous ids of the person whom the erasure under way means
 * - `erasure.json.damaged-CCCCCCCC`, `erasure-ids.ndjson.damaged-CCCCCCCC`: such a file that could not be read, renamed
 * - `ids/SSSS-NNNNNNNN.ids`: ids that clients made, the latest million and more
 * - `ids/imported-TTTTTTTTTTTTTTTT-NNNNNNNN.ids`: ids that came with imported events; they count once imports are
 *   sealed up to that sequence
 * - `refused/NNNNNNNN.ndjson`: events that other vendors' SDKs sent and that were refused, counted up
 * - `scratch/…`: temporary files of running processes
 * - anything that ends in `.tmp`: unfinished; removed at start
 */
import { join } from "node:path";
import { type Sequence, type ShardId, sequence, shardId } from "../../base/brand.ts";

/**
 * The format that this version writes, and the latest that it reads: of the data folder, and of each segment. It is
 * incremented whenever an earlier version could misread what this one writes, and whenever segments gain a column or a
 * category.
 * - 1: the first; the folder has no mark
 * - 2: the folder has a mark
 * - 3: a segment states its format, in its name and in its summary, and has the sequence of each event
 */
export const currentFormat = 3;

/** The format of segments whose name states none. */
export const formatUnsaid = 2;

/** Paths of one data folder. */
export type DataFolder = {
  root: string;
  catalog: string;
  secret: string;
  lock: string;
  journal: string;
  corrupt: string;
  refused: string;
  /** Events that other vendors' SDKs sent and that were refused. */
  refusedEvents: string;
  segments: string;
  ids: string;
  /** Private folders of running processes. */
  scratch: string;
  /** Journal lines of imported events that are not sealed yet. */
  imports: string;
  /** Where the server of this folder listens: `http://HOST:PORT`. Valid only while the lock is held. */
  address: string;
  /** CRC-32 of the file `secret`, in hex. */
  secretChecksum: string;
  /** Which format the folder has, and the version that wrote it. */
  format: string;
  /** Up to which sequence each shard was sealed when the catalog was last written. */
  sealed: string;
  /** Current segments that cannot be read, and why. */
  unreadable: string;
  /** Which event names have a view of their own, and its columns. */
  typedViews: string;
  /** The states of alerts, and whether their webhooks have taken them. */
  alerts: string;
  /** The runs of a service on this folder, and where each of them began. */
  epochs: string;
  /** Segments in quarantine, and markers that say which events are missing. */
  quarantine: string;
  /** A file for each shard: which journal file it opened last. */
  opened: string;
  /** Receipts of erasures, a JSON object a line. */
  erasures: string;
  /** The erasure under way, until its receipt is there. */
  erasure: string;
  /** Anonymous ids of the person whom the erasure under way means. */
  erasureIds: string;
};

/** The paths below `root`, which should be absolute because the catalog's views contain it. */
export function dataFolder(root: string): DataFolder {
  const journal = join(root, "journal");
  return {
    root,
    catalog: join(root, "millrace.duckdb"),
    secret: join(root, "secret"),
    secretChecksum: join(root, "crc32"),
    format: join(root, "format"),
    sealed: join(root, "sealed.json"),
    unreadable: join(root, "unreadable.json"),
    typedViews: join(root, "typed-views.json"),
    alerts: join(root, "alerts.json"),
    epochs: join(root, "epochs.json"),
    quarantine: join(root, "quarantine"),
    opened: join(root, "opened"),
    lock: join(root, "lock"),
    journal,
    corrupt: join(journal, "corrupt"),
    refused: join(journal, "refused"),
    refusedEvents: join(root, "refused"),
    segments: join(root, "segments"),
    ids: join(root, "ids"),
    scratch: join(root, "scratch"),
    imports: join(root, "import"),
    address: join(root, "address"),
    erasures: join(root, "erasures.ndjson"),
    erasure: join(root, "erasure.json"),
    erasureIds: join(root, "erasure-ids.ndjson"),
  };
}

/** In a snapshot: what it holds. */
export const summaryFile = "snapshot.json";

/** Suffix of an unfinished file's name. */
export const unfinishedSuffix = ".tmp";

const shardText = (shard: ShardId) => String(shard).padStart(4, "0");
const sequenceText = (value: Sequence) => String(value).padStart(16, "0");

/** Name of the journal file of a shard whose first row has this sequence. */
export const journalName = (name: JournalName) => `${shardText(name.shard)}-${sequenceText(name.from)}.ndjson`;

/** What the name of a journal file says. */
type JournalName = { shard: ShardId; from: Sequence };

/** Reads the name of a journal file; undefined when it is not one. */
export function parseJournalName(file: string): JournalName | undefined {
  const match = /^(\d{4})-(\d{16})\.ndjson$/.exec(file);
  return match === null ? undefined : { shard: shardId(Number(match[1])), from: sequence(Number(match[2])) };
}

/**
 * What the name of a segment says: events `from` to `to` of a shard, how often that range was rewritten (0: never), the
 * format of the file (listed at `currentFormat`), and the CRC-32 of its bytes.
 */
export type SegmentName = {
  shard: ShardId;
  from: Sequence;
  to: Sequence;
  generation: number;
  format: number;
  crc32: number;
};

/**
 * Shard number reserved for imported events. No service runs this many shards, so every service treats it as a retired
 * shard: counted, merged and shown like any other.
 */
export const importShard = shardId(9_999);

/** Name of a sealed segment. */
export function segmentName(name: SegmentName): string {
  const checksum = name.crc32.toString(16).padStart(8, "0");
  const generation = name.generation === 0 ? "" : `-g${String(name.generation).padStart(6, "0")}`;
  const format = name.format === formatUnsaid ? "" : `-f${name.format}`;
  return `${rangeName(name)}${generation}${format}-${checksum}.duckdb`;
}

/** Reads the name of a segment; undefined when it is not one. */
export function parseSegmentName(file: string): SegmentName | undefined {
  const match = /^(\d{4})-(\d{16})-(\d{16})(?:-g(\d{6}))?(?:-f(\d{1,6}))?-([0-9a-f]{8})\.duckdb$/.exec(file);
  if (match === null) return undefined;
  return {
    shard: shardId(Number(match[1])),
    from: sequence(Number(match[2])),
    to: sequence(Number(match[3])),
    generation: Number(match[4] ?? 0),
    format: Number(match[5] ?? formatUnsaid),
    crc32: Number.parseInt(match[6] ?? "", 16),
  };
}

/** Name of a file of refused events; `number` counts up. */
export const refusedEventsName = (number: number) => `${String(number).padStart(8, "0")}.ndjson`;

/** Reads the number in such a name; undefined when it is not one. */
export const parseRefusedEventsName = (file: string): number | undefined =>
  /^\d{8}\.ndjson$/.test(file) ? Number.parseInt(file, 10) : undefined;

/** What the name of an id log says; `number` counts up. */
type IdLogName = { shard: ShardId; number: number };

/** Name of an id log. */
export const idLogName = (name: IdLogName) => `${shardText(name.shard)}-${String(name.number).padStart(8, "0")}.ids`;

/** Reads the name of an id log; undefined when it is not one. */
export function parseIdLogName(file: string): IdLogName | undefined {
  const match = /^(\d{4})-(\d{8})\.ids$/.exec(file);
  return match === null ? undefined : { shard: shardId(Number(match[1])), number: Number(match[2]) };
}

/**
 * What the name of a file of imported ids says: the ids count once imports are sealed up to `to`; `number` makes the
 * name unique.
 */
type ImportedIdsName = { to: Sequence; number: number };

/** Name of a file of imported ids. */
export const importedIdsName = (name: ImportedIdsName) =>
  `imported-${sequenceText(name.to)}-${String(name.number).padStart(8, "0")}.ids`;

/** Reads the name of a file of imported ids; undefined when it is not one. */
export function parseImportedIdsName(file: string): ImportedIdsName | undefined {
  const match = /^imported-(\d{16})-(\d{8})\.ids$/.exec(file);
  return match === null ? undefined : { to: sequence(Number(match[1])), number: Number(match[2]) };
}

/** What the name of a marker says: events that are known to be missing. */
export type MissingRange = { shard: ShardId; from: Sequence; to: Sequence };

/** A range of a shard's sequences, as it is written in marker names and on the command line. */
export const rangeName = ({ shard, from, to }: MissingRange) =>
  `${shardText(shard)}-${sequenceText(from)}-${sequenceText(to)}`;

/** Reads the name of a range; undefined when it is not one. */
export function parseRangeName(text: string): MissingRange | undefined {
  const match = /^(\d{4})-(\d{16})-(\d{16})$/.exec(text);
  if (match === null) return undefined;
  return {
    shard: shardId(Number(match[1])),
    from: sequence(Number(match[2])),
    to: sequence(Number(match[3])),
  };
}

/** Name of a marker. */
export const markerName = (range: MissingRange) => `${rangeName(range)}.json`;

/** Reads the name of a marker; undefined when it is not one. */
export const parseMarkerName = (file: string): MissingRange | undefined =>
  file.endsWith(".json") ? parseRangeName(file.slice(0, -".json".length)) : undefined;

/** Name of the file that says which journal file a shard opened last. */
export const openedName = (shard: ShardId) => shardText(shard);

/** Reads the name of such a file; undefined when it is not one. */
export const parseOpenedName = (file: string): ShardId | undefined =>
  /^\d{4}$/.test(file) ? shardId(Number(file)) : undefined;
