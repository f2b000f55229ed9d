/** Which paths a data folder can have. */
import { resolve } from "node:path";

/**
 * `*`, `[` and `?` are patterns in the paths that DuckDB reads, also where a file has exactly that name: `data*` would
 * bring the segments of a `data2` beside it. And what follows a `?` is taken for options of the file when it is
 * written.
 */
const patterns = /[*?[]/;

/** What Bun puts into the place of bytes that are no UTF-8: it is another folder that would be made. */
const notUtf8 = "\ufffd";

/** The lock's file is SQLite's, which takes a path of 512 bytes at most, what it adds to the name included. Bytes. */
const pathBytesMax = 480;

/** Why no data folder can be there, as the end of a sentence that begins with the path's name; undefined: one can. */
export function dataPathProblem(path: string): string | undefined {
  const root = resolve(path);
  const pattern = patterns.exec(root)?.[0];
  if (pattern !== undefined)
    return `must be a path without ${pattern}, for DuckDB reads the characters * ? [ as patterns, not ${JSON.stringify(root)}`;
  if (root.includes(notUtf8)) return `must be a path in UTF-8, not ${JSON.stringify(root)}`;
  if (root.includes("\0")) return "must be a path without a zero byte";
  const bytes = Buffer.byteLength(root);
  if (bytes > pathBytesMax)
    return `must be a path of at most ${pathBytesMax} bytes, not of ${bytes}: ${JSON.stringify(root)}`;
  return undefined;
}
