/** Journal lines that become one segment, in a file of the data folder. */
import { randomUUID } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { removeIfThere, writeAll } from "../base/durable.ts";
import type { DataFolder } from "../store/names.ts";

/** One piece is sealed at a time: enough for a segment that is not small, and read in a few seconds. Events, bytes. */
const pieceMax = { events: 500_000, bytes: 256 * 1024 * 1024 };

/** Lines are written together: a call for each would take as long as the line. Bytes. */
const bufferBytes = 1024 * 1024;

/** What the server is told of a piece. */
export type PieceOrder = { file: string; events: number; line_bytes_max: number };

/** A piece that takes lines until it is full, and is removed when it is disposed of. */
export class Piece implements Disposable {
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
    this.#descriptor = openSync(this.#path, "wx");
  }

  get isFull(): boolean {
    return this.#events >= pieceMax.events || this.#bytes >= pieceMax.bytes;
  }

  /** Adds a line, which has no line end. */
  add(line: string): void {
    const bytes = Buffer.byteLength(line) + 1;
    this.#lines.push(line);
    this.#waiting += bytes;
    this.#events += 1;
    this.#bytes += bytes;
    this.#lineBytesMax = Math.max(this.#lineBytesMax, bytes);
    if (this.#waiting >= bufferBytes) this.#write();
  }

  /** Writes what waits; undefined where no line was added. */
  finish(): PieceOrder | undefined {
    this.#write();
    if (this.#events === 0) return undefined;
    return { file: this.#file, events: this.#events, line_bytes_max: this.#lineBytesMax };
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
    removeIfThere(this.#path);
  }
}
