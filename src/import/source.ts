/** The files of an import: what each holds, and its bytes, unpacked. */
import { closeSync, createReadStream, openSync, readSync, statSync } from "node:fs";
import { basename } from "node:path";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { messageOf } from "../base/errors.ts";
import { ImportRefused } from "./refused.ts";

/** Formats of files. The kind of JSON (lines, an array, several lines a value) is recognised when it is read. */
type ImportFormat = "csv" | "json" | "parquet";

/** A file that can be read repeatedly. */
export type ImportSource = {
  /** The name in messages: the path that was given, or `-`. */
  shown: string;
  path: string;
  format: ImportFormat;
  isPacked: boolean;
  bytes: number;
  /** The source of ids for rows without one: the file's name without `.gz`. */
  name: string;
  /** The file's identity, size and time, for noticing a change between the two readings. */
  state: string;
};

/** Endings of file names, which are also the values of `--format`. */
export const formatNames: Readonly<Record<string, ImportFormat>> = {
  csv: "csv",
  tsv: "csv",
  ndjson: "json",
  jsonl: "json",
  json: "json",
  parquet: "parquet",
};

/** First bytes of files, in hexadecimal. */
const magics = { gzip: "1f8b", zstd: "28b52ffd", parquet: "50415231", utf16le: "fffe", utf16be: "feff" } as const;

/** How a file is given: `path` is where its bytes are, which for standard input is not what is shown. */
type Given = { shown: string; path: string; format: ImportFormat | undefined; name: string | undefined };

/**
 * Examines a file's name and first bytes. Without `format`, the name's ending decides; standard input is then JSON or
 * Parquet.
 * @throws ImportRefused naming the file
 */
export function importSource({ shown, path, format, name }: Given): ImportSource {
  const [, ending, packed] = /\.([a-z0-9]+?)(\.gz|\.zst)?$/i.exec(shown) ?? [];
  const fail = (reason: string) => new ImportRefused(`${shown}: ${reason}`);
  const { head, bytes, state } = look(path, fail);
  const starts = (magic: string) => head.startsWith(magic);
  const named = formatNames[ending?.toLowerCase() ?? ""] ?? (shown === "-" ? sniffed(head) : undefined);
  const found = format ?? named;
  if (found === undefined)
    throw fail(
      "the name must end in .csv, .tsv, .ndjson, .jsonl, .json (all also with .gz) or .parquet, or --format say what it holds",
    );
  if (starts(magics.zstd) || packed === ".zst") throw fail("is packed with zstd; unpack it first (zstd -d)");
  const isPacked = packed !== undefined || starts(magics.gzip);
  if (isPacked && found === "parquet") throw fail("a Parquet file packs its columns itself; unpack it first (gunzip)");
  if (starts(magics.parquet) && found !== "parquet")
    throw fail(`is a Parquet file and not ${found}; say --format parquet`);
  if (bytes > 0 && !starts(magics.parquet) && found === "parquet") throw fail("is not a Parquet file");
  if (starts(magics.utf16le) || starts(magics.utf16be))
    throw fail("is UTF-16; UTF-8 is expected (iconv -f UTF-16 -t UTF-8)");
  return { shown, path, format: found, isPacked, bytes, name: name ?? nameOf(shown), state };
}

const nameOf = (shown: string) => basename(shown).replace(/\.gz$/i, "");

const sniffed = (head: string): ImportFormat => (head.startsWith(magics.parquet) ? "parquet" : "json");

/** The first bytes in hexadecimal, the size, and a state that differs after a change. */
function look(path: string, fail: (reason: string) => ImportRefused) {
  try {
    const found = statSync(path, { bigint: true });
    if (found.isDirectory()) throw new Error("it is a folder; name the files in it");
    const { dev, ino, size, mtimeNs } = found;
    const head = Buffer.alloc(4);
    const descriptor = openSync(path, "r");
    try {
      readSync(descriptor, head, 0, head.length, 0);
    } finally {
      closeSync(descriptor);
    }
    return { head: head.toString("hex"), bytes: Number(size), state: `${dev} ${ino} ${size} ${mtimeNs}` };
  } catch (error) {
    throw fail(`cannot be read: ${messageOf(error)}`);
  }
}

/**
 * Requires that a file has not changed since `importSource`.
 * @throws ImportRefused naming the file
 */
export function requireUnchanged({ shown, path, state }: ImportSource): void {
  const now = look(path, (reason) => new ImportRefused(`${shown}: ${reason}`)).state;
  if (now !== state)
    throw new ImportRefused(`${shown}: changed while it was imported; give the command again for what is missing`);
}

/** Bytes read at a time. */
const chunkBytes = 256 * 1024;

const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * The bytes of a file, unpacked and without a byte order mark. `onRead` gets how many bytes of the file were read.
 * @throws ImportRefused for a packed file that is damaged, cut off, or has anything after its end
 */
export async function* bytesOf(source: ImportSource, onRead: (bytes: number) => void): AsyncGenerator<Buffer> {
  const file = createReadStream(source.path, { highWaterMark: chunkBytes });
  const gunzip = source.isPacked ? createGunzip({ chunkSize: chunkBytes }) : undefined;
  // Its errors reach the loop that reads its bytes. When that loop ends early, both are destroyed.
  if (gunzip !== undefined) pipeline(file, gunzip, () => undefined);
  let isStart = true;
  try {
    for await (const chunk of gunzip ?? file) {
      onRead(file.bytesRead);
      const bytes: Buffer = chunk;
      yield isStart && bytes.subarray(0, 3).equals(byteOrderMark) ? bytes.subarray(3) : bytes;
      isStart = false;
    }
  } catch (error) {
    if (error instanceof ImportRefused) throw error;
    throw new ImportRefused(
      source.isPacked ? `is damaged or cut off (gzip: ${messageOf(error)})` : `cannot be read: ${messageOf(error)}`,
      { cause: error },
    );
  } finally {
    file.destroy();
    gunzip?.destroy();
  }
  // Zeros may follow the last member: tapes are padded with them. Anything else was not read.
  if (gunzip !== undefined) requireZeros(source, gunzip.bytesWritten);
}

function requireZeros({ path, bytes }: ImportSource, from: number): void {
  const descriptor = openSync(path, "r");
  try {
    const piece = Buffer.alloc(chunkBytes);
    for (let at = from; at < bytes; ) {
      const count = readSync(descriptor, piece, 0, piece.length, at);
      if (count === 0) return;
      if (piece.subarray(0, count).some((byte) => byte !== 0))
        throw new ImportRefused("has something that is not gzip behind its end");
      at += count;
    }
  } finally {
    closeSync(descriptor);
  }
}
