/** Reads a folder of schemas once, for a command. */
import { ConfigInvalid } from "../base/errors.ts";
import { ContentRefused, folderSource } from "../base/watched-content.ts";
import type { Config } from "../config/config.ts";
import { schemaFiles, schemaFolderBounds } from "./files.ts";
import { SchemaSet } from "./set.ts";

/**
 * Reads and compiles all schemas of the folder that `MILLRACE_SCHEMAS` names.
 * @throws ConfigInvalid naming the variable and each file that is not a schema
 */
export async function loadSchemas({ folder, mode }: NonNullable<Config["schemas"]>): Promise<SchemaSet> {
  try {
    const texts = await folderSource(folder, schemaFolderBounds).read();
    const set = new SchemaSet({ mode, files: schemaFiles(texts) });
    set.compileAll();
    return set;
  } catch (error) {
    if (!(error instanceof ContentRefused)) throw error;
    throw new ConfigInvalid([`MILLRACE_SCHEMAS: ${error.message}`]);
  }
}
