/** Journal lines that become one segment, in a file of the data folder. */
import { randomUUID } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { removeIfThere, writeAll } from "../base/durable.ts";
import { writeEventId } from "../event/event-id.ts";
import type { DataFolder } from "../store/folder/names.ts";
import { compareIds, writeImportedIds } from "../store/ids/imported.ts";

/**
 * Pieces are sealed one at a time. This is enough for a segment that is not small, and is read in a few seconds.
 * Events, bytes.
 */
export const pieceMax = { events: 500_000, bytes: 256 * 1024 * 1024 };

/**
 * DuckDB holds 2,048 lines at once, each several times. A piece whose lines are this long on average is smaller, or it
 * would not fit in the memory of a rewriting process (six lines of 16 MiB did not). Bytes.
 */
const longLines = { bytesMin: 4 * 1024, pieceBytesMax: 16 * 1024 * 1024 };

/** Lines are written together: a system call for each would take as long as making the line. Bytes. */
const bufferBytes = 1024 * 1024;

/** What the server has to know of a piece. */
export type PieceOrder = { file: string; events: number; line_bytes_max: number; ids: number };

const piecePath = (folder: DataFolder, name: string) => join(folder.imports, `${name}.ndjson`);

/** A piece takes lines until it is full, and is removed when it is disposed of. */
export class Piece implements Disposable {
  readonly #name: string;
  readonly #path: string;
  readonly #idsPath: string;
  readonly #descriptor: number;
  readonly #eventsMax: number;
  readonly #ids = new OwnIds();
  #lines: string[] = [];
  #waiting = 0;
  #events = 0;
  #bytes = 0;
  #lineBytesMax = 0;
  #isClosed = false;

  /** Makes a new piece, which takes at least one event and at most `eventsMax`. */
  static open(folder: DataFolder, eventsMax: number): Piece {
    const name = randomUUID();
    return new Piece({ folder, name, eventsMax, descriptor: openSync(piecePath(folder, name), "wx") });
  }

  private constructor(given: { folder: DataFolder; name: string; eventsMax: number; descriptor: number }) {
    this.#name = given.name;
    this.#eventsMax = given.eventsMax;
    this.#path = piecePath(given.folder, given.name);
    this.#idsPath = join(given.folder.imports, `${given.name}.ids`);
    this.#descriptor = given.descriptor;
  }

  get isFull(): boolean {
    if (this.#events >= this.#eventsMax || this.#bytes >= pieceMax.bytes) return true;
    return this.#bytes >= longLines.pieceBytesMax && this.#bytes > longLines.bytesMin * this.#events;
  }

  /** Adds a line without its line end. `ownId` is the id that came with its row, if there was one. */
  add(line: string, ownId: string | undefined): void {
    if (ownId !== undefined) this.#ids.add(ownId);
    const bytes = Buffer.byteLength(line) + 1;
    this.#lines.push(line);
    this.#waiting += bytes;
    this.#events += 1;
    this.#bytes += bytes;
    this.#lineBytesMax = Math.max(this.#lineBytesMax, bytes);
    if (this.#waiting >= bufferBytes) this.#write();
  }

  /** Writes the buffered lines; undefined if no line was added. */
  finish(): PieceOrder | undefined {
    this.#write();
    if (this.#events === 0) return undefined;
    this.#ids.write(this.#idsPath);
    return {
      file: `${this.#name}.ndjson`,
      events: this.#events,
      line_bytes_max: this.#lineBytesMax,
      ids: this.#ids.count,
    };
  }

  #write(): void {
    if (this.#lines.length === 0) return;
    this.#lines.push("");
    writeAll(this.#descriptor, Buffer.from(this.#lines.join("\n")));
    this.#lines = [];
    this.#waiting = 0;
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeSync(this.#descriptor);
    for (const path of [this.#path, this.#idsPath]) removeIfThere(path);
  }
}

/** Ids that came with the rows of a piece; live clients may send the same ids. */
class OwnIds {
  #words = new Uint32Array(4 * 1024);
  count = 0;

  add(id: string): void {
    if (this.count * 4 === this.#words.length) {
      const words = new Uint32Array(this.#words.length * 2);
      words.set(this.#words);
      this.#words = words;
    }
    writeEventId(id, this.#words, this.count * 4);
    this.count += 1;
  }

  /** Writes the ids sorted, if there are any. */
  write(path: string): void {
    if (this.count === 0) return;
    const words = this.#words;
    const order = new Uint32Array(this.count).map((_, index) => index * 4);
    order.sort((a, b) => compareIds(words, a, words, b));
    writeImportedIds(
      path,
      this.count,
      order.values().map((at) => words.subarray(at, at + 4)),
    );
  }
}
