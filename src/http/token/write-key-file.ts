/** The file of `MILLRACE_WRITE_KEYS`: its format, and what a key is. */
import { createHash, randomBytes } from "node:crypto";
import { originProblem } from "../../base/origin.ts";
import { ContentRefused } from "../../base/watched-content.ts";

/** An entry of the file. */
export type WriteKey = {
  /** The subject of the events that it sends; unique. */
  name: string;
  /** Of the whole key, in lower-case hex. */
  key_sha256: string;
  /** Pages that may use it; undefined: all. */
  origins?: readonly string[];
  /** Events a second, in the place of `MILLRACE_RATE_LIMIT`. */
  rate?: number;
};

/** A name is for people, in lists, logs and the column `subject`. Bytes. */
const nameBytesMax = 200;

/** Longest beginning of an unknown member that a message shows: a whole key in that place stays out. Characters. */
const memberCharsMax = 12;

/** More than any service stores: a typo must not become a limit that nobody reaches. Events a second. */
const rateMax = 1_000_000_000;

/** One event in 17 minutes: after a batch its sender waits for hours, and no longer, if the rate is not 0. */
const rateMin = 0.001;

/** A new key: `mrw_` and 32 characters of `A-Za-z0-9_-`, which pass through URLs, headers and Basic unchanged. */
export const newWriteKey = (): string => `mrw_${randomBytes(24).toString("base64url")}`;

/** What the file holds of a key. */
export const hashOfKey = (key: string): string => createHash("sha256").update(key).digest("hex");

/**
 * Parses the file into its entries.
 * @throws ContentRefused that names the entry and the member which is wrong
 */
export function parseWriteKeyFile(text: string): WriteKey[] {
  const { keys } = membersOf(parsedJson(text), { where: "the file", known: ["keys"] });
  if (!Array.isArray(keys)) throw new ContentRefused('the file must be {"keys": […]}');
  const entries = keys.map((value: unknown, index) => entryOf(value, index));
  for (const member of ["name", "key_sha256"] as const) {
    const seen = new Set<string>();
    for (const entry of entries) {
      if (seen.has(entry[member])) throw new ContentRefused(`the ${member} of key "${entry.name}" is there twice`);
      seen.add(entry[member]);
    }
  }
  return entries;
}

/** The text of a file with these entries. */
export const writeKeyFileOf = (keys: readonly WriteKey[]): string => `${JSON.stringify({ keys }, null, 2)}\n`;

/** Why a name cannot be one, as the end of a sentence that begins with it; undefined if it can. */
export function nameProblem(name: unknown): string | undefined {
  if (typeof name !== "string" || name.trim() === "") return "must be a string that is not empty";
  if (/\p{Cc}/u.test(name) || !name.isWellFormed()) return "must not hold control characters";
  if (Buffer.byteLength(name) > nameBytesMax) return `must have at most ${nameBytesMax} bytes`;
  return undefined;
}

/** Why a rate cannot be one, in the same form. */
export const rateProblem = (rate: unknown): string | undefined =>
  typeof rate === "number" && (rate === 0 || rate >= rateMin) && rate <= rateMax
    ? undefined
    : `must be a number from ${rateMin} to ${rateMax}, or 0 for no limit`;

/** Neither the position nor the text of a fault is shown: the file may hold a key by mistake. */
function parsedJson(text: string): unknown {
  if (text.trim() === "") throw new ContentRefused('the file is empty; without keys it is {"keys":[]}');
  try {
    return JSON.parse(text);
  } catch {
    throw new ContentRefused("the file is not JSON");
  }
}

function entryOf(value: unknown, index: number): WriteKey {
  const where = `key ${index + 1}`;
  const { name, key_sha256, origins, rate } = membersOf(value, {
    where,
    known: ["name", "key_sha256", "origins", "rate"],
  });
  const refuse = (member: string, problem: string) => new ContentRefused(`${where}: ${member} ${problem}`);
  const badName = nameProblem(name);
  if (typeof name !== "string" || badName !== undefined) throw refuse("name", badName ?? "must be a string");
  if (typeof key_sha256 !== "string" || !/^[0-9a-f]{64}$/.test(key_sha256))
    throw refuse("key_sha256", "must be 64 characters of lower-case hex");
  const badRate = rate === undefined ? undefined : rateProblem(rate);
  if (badRate !== undefined) throw refuse("rate", badRate);
  return {
    name,
    key_sha256,
    ...(origins === undefined ? {} : { origins: originsOf(origins, refuse) }),
    ...(typeof rate === "number" ? { rate } : {}),
  };
}

function originsOf(value: unknown, refuse: (member: string, problem: string) => ContentRefused): string[] {
  if (!Array.isArray(value)) throw refuse("origins", "must be a list");
  return value.map((origin: unknown) => {
    const problem = typeof origin === "string" ? originProblem(origin) : "must be a string";
    if (typeof origin !== "string" || problem !== undefined) throw refuse("origins", `: an origin ${problem}`);
    return origin;
  });
}

/** The members of an object, of which only `known` ones are allowed: a typo in a limit must not lift it. */
function membersOf(value: unknown, { where, known }: { where: string; known: string[] }): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new ContentRefused(`${where} must be an object`);
  const unknown = Object.keys(value).find((member) => !known.includes(member));
  if (unknown !== undefined)
    throw new ContentRefused(`${where}: unknown member ${JSON.stringify(unknown.slice(0, memberCharsMax))}`);
  return Object.fromEntries(Object.entries(value));
}
