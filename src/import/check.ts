/** The first reading of all files: everything that is wrong with them is reported before anything is sealed. */
import { appendFileSync, closeSync, openSync, renameSync } from "node:fs";
import { removeIfThere } from "../base/durable.ts";
import { messageOf } from "../base/errors.ts";
import { type Extra, importColumns, importedLine } from "../event/line/imported.ts";
import { isRecord } from "../event/parse/parse.ts";
import { timestampOfMs } from "../event/timestamp.ts";
import type { SchemaSet } from "../schema/set.ts";
import { readRows } from "./read.ts";
import { ImportRefused } from "./refused.ts";
import type { SourceRow } from "./row.ts";
import type { ImportSource } from "./source.ts";

/** How files are checked and read. */
export type ImportOptions = {
  extra: Extra;
  delimiter: string | undefined;
  /** What properties must fit; undefined: anything. A row that `enforce` refuses is a bad row. */
  schemas: SchemaSet | undefined;
  /** The file for bad rows; undefined: one bad row refuses everything. */
  skipBadTo: string | undefined;
  /** Nothing is written, not even the bad rows. */
  isDryRun: boolean;
  /** Called now and then. `readBytes`: bytes of the file read so far, before unpacking, where that is known. */
  onProgress: (at: { source: ImportSource; rows: number; readBytes: number }) => void;
};

/**
 * How many rows the files hold. `misfits`: rows that are imported although their properties do not fit the schema of
 * their name, and the first of them.
 */
type Checked = { rows: number; bad: number; misfits?: { rows: number; first: string } };

/** At most this many bad rows are reported one by one, and unknown columns listed. */
const [toldMax, columnsMax] = [20, 200];

/**
 * Reads all files and checks every row.
 * @throws ImportRefused with everything that keeps the files from being imported
 */
export async function checkFiles(sources: readonly ImportSource[], options: ImportOptions): Promise<Checked> {
  const problems: string[] = [];
  const checked: Checked = { rows: 0, bad: 0 };
  const skips = options.skipBadTo !== undefined;
  using badRows = options.skipBadTo === undefined || options.isDryRun ? undefined : BadRows.open(options.skipBadTo);
  for (const source of sources) {
    const unknown = new Set<string>();
    let readBytes = 0;
    let rows = 0;
    const note = (names: Iterable<string>) => {
      for (const name of names) if (!importColumns.has(name) && unknown.size <= columnsMax) unknown.add(name);
    };
    const reading = {
      delimiter: options.delimiter,
      onColumns: note,
      onRead: (bytes: number) => {
        readBytes = bytes;
      },
    };
    for await (const batch of readRows(source, reading)) {
      for (const row of batch) {
        if (row.ok && source.format === "json" && isRecord(row.value)) note(Object.keys(row.value));
        const reason = problemIn(row, options);
        for (const { eventName, fault } of options.schemas?.takeMisfits() ?? []) {
          if (reason !== undefined) continue;
          checked.misfits ??= {
            rows: 0,
            first: `${source.shown}, row ${row.row}: ${JSON.stringify(eventName)}: ${fault}`,
          };
          checked.misfits.rows += 1;
        }
        if (reason === undefined) continue;
        checked.bad += 1;
        if (skips) badRows?.add({ source, row, reason });
        else if (checked.bad <= toldMax) problems.push(`${source.shown}, row ${row.row}: ${reason}${lineOf(row)}`);
      }
      rows += batch.length;
      options.onProgress({ source, rows, readBytes });
    }
    checked.rows += rows;
    if (unknown.size > 0 && options.extra === "refuse") problems.push(`${source.shown}: ${unknownText(unknown)}`);
  }
  if (checked.bad > toldMax && !skips) problems.push(`and ${checked.bad - toldMax} more bad rows`);
  if (problems.length > 0) throw new ImportRefused(`${problems.join("\n")}\nnothing was imported`);
  badRows?.finish();
  return checked;
}

const lineOf = ({ line }: SourceRow) => (line === undefined ? "" : ` (line ${line})`);

function unknownText(unknown: ReadonlySet<string>): string {
  const names = [...unknown].slice(0, columnsMax).map((name) => JSON.stringify(name));
  const more = unknown.size > columnsMax ? " and more" : "";
  return `columns that events do not have: ${names.join(", ")}${more}; --extra properties puts them into properties, --extra ignore leaves them out`;
}

/** A row's check has the same result at any time; missing ids and times are filled in when it is sealed. */
const now = timestampOfMs(0);
const makeId = () => "00000000-0000-8000-8000-000000000000";

/** Why a row is not an event. */
function problemIn(row: SourceRow, { extra, schemas }: ImportOptions): string | undefined {
  if (!row.ok) return row.problem;
  const line = importedLine(row, { now, extra, makeId, schemas });
  return line.ok ? undefined : line.problems.join("; ");
}

/** Bad rows on their way into a file, which appears once all files were read. */
class BadRows implements Disposable {
  readonly #path: string;
  readonly #unfinished: string;
  #lines: string[] = [];
  #isFinished = false;

  /** @throws ImportRefused when no file can be made there */
  static open(path: string): BadRows {
    const unfinished = `${path}.${process.pid}.tmp`;
    try {
      closeSync(openSync(unfinished, "w", 0o600));
    } catch (error) {
      throw new ImportRefused(`${path} cannot be written: ${messageOf(error)}`, { cause: error });
    }
    return new BadRows({ path, unfinished });
  }

  private constructor({ path, unfinished }: { path: string; unfinished: string }) {
    this.#path = path;
    this.#unfinished = unfinished;
  }

  add({ source, row, reason }: { source: ImportSource; row: SourceRow; reason: string }): void {
    const { row: number, line } = row;
    const data = row.ok ? row.exact : row.raw;
    this.#lines.push(`${JSON.stringify({ file: source.shown, row: number, line, reason, data })}\n`);
    if (this.#lines.length >= 1000) this.#write();
  }

  /** Gives the file its name, replacing the file of an earlier run. */
  finish(): void {
    this.#write();
    try {
      renameSync(this.#unfinished, this.#path);
    } catch (error) {
      throw new ImportRefused(`${this.#path} cannot be written: ${messageOf(error)}`, { cause: error });
    }
    this.#isFinished = true;
  }

  #write(): void {
    try {
      appendFileSync(this.#unfinished, this.#lines.join(""));
    } catch (error) {
      throw new ImportRefused(`${this.#path} cannot be written: ${messageOf(error)}`, { cause: error });
    }
    this.#lines = [];
  }

  [Symbol.dispose](): void {
    if (!this.#isFinished) removeIfThere(this.#unfinished);
  }
}
