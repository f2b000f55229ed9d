/**
 * The second reading: checked files become segments, a piece at a time. After an interruption it starts again from the
 * beginning.
 */
import { importedLine } from "../event/line/imported.ts";
import { type Timestamp, timestampOfMs } from "../event/timestamp.ts";
import type { DataFolder } from "../store/folder/names.ts";
import type { ImportOptions } from "./check.ts";
import { ContentIds } from "./content-ids.ts";
import { Piece, type PieceOrder } from "./piece.ts";
import { readRows } from "./read.ts";
import type { SourceRow } from "./row.ts";
import { type ImportSource, requireUnchanged } from "./source.ts";

/** The folder of pieces, and what seals them; `send` returns how many of a piece's events were new. */
type SealTools = { folder: DataFolder; pieceEvents: number; send: (piece: PieceOrder) => Promise<number> };

/**
 * Imports files that were checked, and returns how many of their events were new.
 * @throws ImportRefused when a file has changed since the check; what was sealed until then stays
 */
export async function sealFiles(
  sources: readonly ImportSource[],
  options: ImportOptions,
  { folder, pieceEvents, send }: SealTools,
): Promise<number> {
  const now = timestampOfMs(Date.now());
  const ids = new ContentIds();
  let imported = 0;
  let piece = Piece.open(folder, pieceEvents);
  const sendPiece = async () => {
    for (const source of sources) requireUnchanged(source);
    const order = piece.finish();
    if (order !== undefined) imported += await send(order);
    piece[Symbol.dispose]();
  };
  try {
    for (const source of sources) {
      let [rows, readBytes] = [0, 0];
      const reading = {
        delimiter: options.delimiter,
        onRead: (bytes: number) => {
          readBytes = bytes;
        },
      };
      for await (const batch of readRows(source, reading)) {
        for (const row of batch) {
          const line = lineOf(row, { now, extra: options.extra, schemas: options.schemas, ids, name: source.name });
          if (line !== undefined) piece.add(line.text, line.ownId);
          if (!piece.isFull) continue;
          await sendPiece();
          piece = Piece.open(folder, pieceEvents);
        }
        // Counted at the first reading.
        options.schemas?.takeMisfits();
        rows += batch.length;
        options.onProgress({ source, rows, readBytes });
      }
    }
    await sendPiece();
  } finally {
    piece[Symbol.dispose]();
  }
  return imported;
}

type LineOptions = Pick<ImportOptions, "extra" | "schemas"> & { now: Timestamp; ids: ContentIds; name: string };

/** Undefined: the row is bad, as the first reading has reported. */
function lineOf(
  row: SourceRow,
  { now, extra, schemas, ids, name }: LineOptions,
): { text: string; ownId: string | undefined } | undefined {
  if (!row.ok) return undefined;
  const line = importedLine(row, { now, extra, makeId: () => ids.next(name, row.exact), schemas });
  if (!line.ok) return undefined;
  return { text: line.row.line, ownId: line.hasOwnId ? line.row.eventId : undefined };
}
