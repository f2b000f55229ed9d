/** Copies standard input or a pipe, which can be read only once, into a file: an import reads twice. */
import { randomUUID } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { removeIfThere, writeAll } from "../base/durable.ts";
import { messageOf } from "../base/errors.ts";
import { ImportRefused } from "./refused.ts";

/** Writes a stream into a new file of `folder` and returns its path. Disposing of it removes the file. */
export async function spool(
  bytes: AsyncIterable<Uint8Array>,
  { shown, folder }: { shown: string; folder: string },
): Promise<{ path: string } & Disposable> {
  const path = join(folder, `${randomUUID()}.spool`);
  const remove = () => removeIfThere(path);
  try {
    const descriptor = openSync(path, "wx");
    try {
      for await (const chunk of bytes) writeAll(descriptor, chunk);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    remove();
    throw new ImportRefused(`${shown} cannot be read into ${folder}: ${messageOf(error)}`, { cause: error });
  }
  return { path, [Symbol.dispose]: remove };
}
