/** Files of the folder that `MILLRACE_SCHEMAS` names: one JSON Schema for each event name. */
import { ContentRefused, type folderSource } from "../base/watched-content.ts";
import { eventNameCodePointsMax } from "../event/limits.ts";

/** One file: the name of its events, and its content. */
export type SchemaFile = { file: string; eventName: string; text: string };

const ending = ".json";

/**
 * Only names that end in `.json` count. Emacs marks a file that it has open by a link `.#NAME`, which is not a schema.
 * Each publication of the catalog makes a view for each file, which takes 2 ms: 500 keep a keeper busy for a second.
 */
export const schemaFolderBounds: Parameters<typeof folderSource>[1] = {
  takes: (name) => name.endsWith(ending) && !name.startsWith(".#"),
  filesMax: 500,
  bytesMax: 16 * 1024 * 1024,
};

/** The name of the file for an event name. */
export const schemaFileName = (eventName: string): string => `${encodeURIComponent(eventName)}${ending}`;

/**
 * Assigns files to event names.
 * @throws ContentRefused naming each file whose name is not the one of an event
 */
export function schemaFiles(texts: ReadonlyMap<string, string>): SchemaFile[] {
  const problems: string[] = [];
  const files: SchemaFile[] = [];
  const ofLowerCase = new Map<string, string>();
  for (const [file, text] of texts) {
    const named = eventNameOf(file);
    if (!named.ok) {
      problems.push(`${file}: ${named.problem}`);
      continue;
    }
    // The views of both would have one name: DuckDB ignores the case of names.
    const key = named.eventName.toLowerCase();
    const other = ofLowerCase.get(key);
    if (other === undefined) ofLowerCase.set(key, file);
    else problems.push(`${other} and ${file}: the event names differ only in case; rename the events, or remove one`);
    files.push({ file, eventName: named.eventName, text });
  }
  if (problems.length > 0) throw new ContentRefused(problems.join("; "));
  return files;
}

function eventNameOf(file: string): { ok: true; eventName: string } | { ok: false; problem: string } {
  const encoded = file.slice(0, -ending.length);
  const eventName = decoded(encoded);
  if (eventName === undefined)
    return { ok: false, problem: "the name must be encodeURIComponent of an event name, and .json" };
  const codePoints = [...eventName].length;
  if (codePoints < 1 || codePoints > eventNameCodePointsMax)
    return {
      ok: false,
      problem: `an event name has 1 to ${eventNameCodePointsMax} characters, and this ${codePoints}`,
    };
  if (eventName.includes("\0"))
    return { ok: false, problem: "no view can have a name with U+0000, so such an event name cannot have a schema" };
  const right = schemaFileName(eventName);
  return right === file ? { ok: true, eventName } : { ok: false, problem: `the name must be ${right}` };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
