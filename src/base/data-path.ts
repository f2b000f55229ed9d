/** Which paths a data folder can have. */
import { resolve } from "node:path";

/**
 * DuckDB reads `*`, `[` and `?` in paths as patterns, even if a file has exactly that name: `data*` would add the
 * segments of a `data2` beside it. When DuckDB writes a file, it takes what follows a `?` as options.
 */
const patterns = /[*?[]/;

/** Bun replaces bytes that are not UTF-8 by this, so another folder would be made. */
const notUtf8 = "\ufffd";

/** The lock's file is SQLite's, which takes paths of at most 512 bytes, including what it adds to the name. Bytes. */
const pathBytesMax = 480;

/** Why a path cannot be a data folder, as the end of a sentence that begins with the path's name; undefined: it can. */
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
