/** `millrace import`: moves an existing history in. */
import { randomUUID } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { join, resolve } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { removeIfThere, writeAll } from "../base/durable.ts";
import { MillraceError } from "../base/errors.ts";
import { readConfig } from "../config/config.ts";
import { importedLine } from "../event/imported.ts";
import { timestampOfMs } from "../event/timestamp.ts";
import { type DataFolder, dataFolder } from "../store/names.ts";
import { type HistoryFile, type HistoryRow, historyFile, historyRows } from "./history.ts";
import { Progress } from "./progress.ts";
import { type Reached, reachServer } from "./reach.ts";

/** A file cannot be taken over; the message names the file, the row and the field. */
class HistoryRefused extends MillraceError {
  override readonly name = "HistoryRefused";
}

/** One piece is sealed at a time: enough for a segment that is not small, and read in a few seconds. Events, bytes. */
const pieceMax = { events: 500_000, bytes: 256 * 1024 * 1024 };

/** Lines are written together: a call for each would take as long as the line. Bytes. */
const bufferBytes = 1024 * 1024;

/** Takes over files of events. */
export const importCommand = new Command("import")
  .description(
    "take over events from files, in the columns of `events`: ndjson, csv or parquet, also .gz of the first two",
  )
  .argument("<files...>", "files; told apart by their names: .ndjson, .jsonl, .json, .csv, .parquet")
  .addHelpText(
    "after",
    "\nAn event whose event_id is there already is left out, so a command that was interrupted is simply given again." +
      "\nWithout event_id a row gets one of its content and its place in the file. It works with and without a running server.",
  )
  .action(async (given) => {
    const files = given.map(historyFile);
    const config = readConfig(process.env);
    await using server = await reachServer(config, "admin");
    const total = { rows: 0, imported: 0 };
    {
      using progress = new Progress();
      for (const file of files) {
        const done = await importFile(server, dataFolder(resolve(config.dataDir)), { file, progress });
        total.rows += done.rows;
        total.imported += done.imported;
      }
    }
    process.stdout.write(`${total.imported} of ${total.rows} events imported, the others were there already\n`);
  });

type ImportFile = { file: HistoryFile; progress: Progress };

async function importFile(server: Reached, folder: DataFolder, { file: history, progress }: ImportFile) {
  const { file, bytes } = history;
  const now = timestampOfMs(Date.now());
  const done = { rows: 0, imported: 0 };
  let piece = new Piece(folder);
  try {
    for await (const row of historyRows(history)) {
      done.rows += 1;
      piece.add(lineOf(row, { file, rowNumber: done.rows, now }));
      if (!piece.isFull) continue;
      done.imported += await piece.send(server);
      piece = new Piece(folder);
      progress.show({
        done: row.readBytes,
        total: bytes,
        text: `${file}: ${done.rows} rows, ${done.imported} imported`,
      });
    }
    done.imported += await piece.send(server);
    progress.show({ done: bytes, total: bytes, text: `${file}: ${done.rows} rows, ${done.imported} imported` });
  } finally {
    piece[Symbol.dispose]();
  }
  return done;
}

type RowContext = { file: string; rowNumber: number; now: ReturnType<typeof timestampOfMs> };

function lineOf(row: HistoryRow, { file, rowNumber, now }: RowContext): string {
  if (!row.ok) throw new HistoryRefused(`${file}, row ${rowNumber}: ${row.error}`);
  const line = importedLine(row, { now, rowNumber });
  if (line.ok) return line.row.line;
  const faults = line.issues.map(({ loc, msg }) => `${loc.slice(1).join(".")}: ${msg}`);
  throw new HistoryRefused(`${file}, row ${rowNumber}: ${faults.join("; ")}`);
}

/** Journal lines that become one segment, in a file of the data folder. */
class Piece implements Disposable {
  readonly #file = `${randomUUID()}.ndjson`;
  readonly #path: string;
  readonly #descriptor: number;
  #lines: string[] = [];
  #waiting = 0;
  #events = 0;
  #bytes = 0;
  #lineBytesMax = 0;
  #isClosed = false;

  constructor(folder: DataFolder) {
    this.#path = join(folder.imports, this.#file);
    this.#descriptor = openSync(this.#path, "wx", 0o600);
  }

  get isFull(): boolean {
    return this.#events >= pieceMax.events || this.#bytes >= pieceMax.bytes;
  }

  add(line: string): void {
    const bytes = Buffer.byteLength(line) + 1;
    this.#lines.push(line);
    this.#waiting += bytes;
    this.#events += 1;
    this.#bytes += bytes;
    this.#lineBytesMax = Math.max(this.#lineBytesMax, bytes);
    if (this.#waiting >= bufferBytes) this.#write();
  }

  #write(): void {
    if (this.#lines.length === 0) return;
    this.#lines.push("");
    writeAll(this.#descriptor, Buffer.from(this.#lines.join("\n")));
    this.#lines = [];
    this.#waiting = 0;
  }

  /** Has it sealed; gives how many of its events were new. */
  async send(server: Reached): Promise<number> {
    this.#write();
    if (this.#events === 0) return 0;
    const piece = { file: this.#file, events: this.#events, line_bytes_max: this.#lineBytesMax };
    const { imported } = await server.post("import", piece);
    this[Symbol.dispose]();
    return Number(imported);
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeSync(this.#descriptor);
    removeIfThere(this.#path);
  }
}
