/** The content of a file or folder that a variable names, and a cheap mark that changes whenever the content does. */
import { constants } from "node:fs";
import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, MillraceError, messageOf } from "./errors.ts";

/** Content that cannot be used. The message says why, shows nothing of a secret, and is meant for the log. */
export class ContentRefused extends MillraceError {
  override readonly name = "ContentRefused";
}

/** How to read what a variable names. `Content` is what `parse` gets. */
export type Source<Content> = {
  /** Changes when the content may have changed, at the cost of a few `stat`s. Never throws: an error is a mark, too. */
  mark(): Promise<string>;
  /**
   * Reads all of it.
   * @throws ContentRefused when it cannot be read, or is larger than its bound
   */
  read(): Promise<Content>;
  /** Whether two contents are the same. */
  isSame(one: Content, other: Content): boolean;
};

/** One text file, UTF-8, at most `bytesMax` long. */
export const fileSource = (path: string, { bytesMax }: { bytesMax: number }): Source<string> => ({
  mark: () => markOf(path),
  read: () => readText(path, bytesMax),
  isSame: (one, other) => one === other,
});

/** Which files of a folder count, and the bounds of all of them together. */
type FolderBounds = { takes: (name: string) => boolean; filesMax: number; bytesMax: number };

/** The text files directly in a folder, by name, in the order of their names. Other names are ignored. */
export const folderSource = (path: string, bounds: FolderBounds): Source<ReadonlyMap<string, string>> => ({
  mark: async () => {
    try {
      const names = await namesIn(path, bounds);
      const marks = await Promise.all(names.map(async (name) => `${name}\0${await markOf(join(path, name))}`));
      return [await markOf(path), ...marks].join("\n");
    } catch (error) {
      if (error instanceof ContentRefused) return error.message;
      throw error;
    }
  },
  read: async () => {
    const texts = new Map<string, string>();
    let bytesLeft = bounds.bytesMax;
    for (const name of await namesIn(path, bounds)) {
      const text = await readText(join(path, name), bytesLeft);
      bytesLeft -= Buffer.byteLength(text);
      texts.set(name, text);
    }
    return texts;
  },
  isSame: (one, other) => one.size === other.size && [...one].every(([name, text]) => other.get(name) === text),
});

/** Device, inode, size and both times: a rename over it, a rewrite in place and a moved link all change it. */
async function markOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(" ");
  } catch (error) {
    return codeOf(error) ?? messageOf(error);
  }
}

async function namesIn(path: string, { takes, filesMax }: FolderBounds): Promise<string[]> {
  let names: string[];
  try {
    names = (await readdir(path)).filter(takes).sort();
  } catch (error) {
    throw notReadable(path, error);
  }
  if (names.length > filesMax)
    throw new ContentRefused(`${path} holds ${names.length} files, and ${filesMax} are allowed`);
  return names;
}

async function readText(path: string, bytesMax: number): Promise<string> {
  let bytes: Buffer;
  try {
    // Otherwise a named pipe that nobody writes to would block a thread without end.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const found = await file.stat();
    if (!found.isFile()) throw new ContentRefused(`${path} is not a regular file`);
    if (found.size > bytesMax) throw new ContentRefused(`${path} is larger than ${bytesMax} bytes`);
    bytes = await file.readFile();
  } catch (error) {
    throw error instanceof ContentRefused ? error : notReadable(path, error);
  }
  if (bytes.byteLength > bytesMax) throw new ContentRefused(`${path} is larger than ${bytesMax} bytes`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new ContentRefused(`${path} is not UTF-8`, { cause: error });
  }
}

const notReadable = (path: string, error: unknown) =>
  new ContentRefused(`${path} cannot be read: ${messageOf(error)}`, { cause: error });
