/** `millrace key`: makes, lists and removes write keys. */
import { Command } from "@commander-js/extra-typings";
import { ConfigInvalid } from "../base/errors.ts";
import { originProblem } from "../base/origin.ts";
import { readConfig } from "../config/config.ts";
import { editWriteKeys, readWriteKeys, WriteKeysRefused } from "../http/token/edit-write-keys.ts";
import { hashOfKey, nameProblem, newWriteKey, rateProblem, type WriteKey } from "../http/token/write-key-file.ts";

const appended = (value: string, before: readonly string[] | undefined) => [...(before ?? []), value];

/** Prints a new key and nothing else; or the names of all keys; or nothing, after it has removed one. */
export const keyCommand = new Command("key")
  .description("make, list or remove write keys, for those who only send events; MILLRACE_WRITE_KEYS names their file")
  .option("--name <name>", "make a key and print it: the subject of the events that it sends")
  .option("--origin <url>", "pages that may use it; may be given several times; without, all may", appended)
  .option("--rate <n>", "events a second that it may send, in the place of MILLRACE_RATE_LIMIT")
  .option("--list", "print the names of all keys")
  .option("--remove <name>", "remove a key")
  .addHelpText(
    "after",
    `
The file holds only the SHA-256 of a key, so a key is shown once: when it is made. A running service follows within 2 s.`,
  )
  .action(async (options) => {
    const task = taskOf(options);
    const path = readConfig(process.env).writeKeysPath;
    if (path === undefined)
      throw new ConfigInvalid(["MILLRACE_WRITE_KEYS: must name the file of write keys; it is made if it is missing"]);
    switch (task.kind) {
      case "list":
        for (const { name } of await readWriteKeys(path)) process.stdout.write(`${name}\n`);
        return;
      case "remove":
        return await editWriteKeys(path, { ifMissing: "refuse", change: (keys) => without(keys, task.name) });
      case "make": {
        const key = newWriteKey();
        await editWriteKeys(path, {
          ifMissing: "make",
          change: (keys) => withNew(keys, { ...task.entry, key_sha256: hashOfKey(key) }),
        });
        process.stdout.write(`${key}\n`);
      }
    }
  });

type Options = { name?: string; origin?: string[]; rate?: string; list?: true; remove?: string };

type Task = { kind: "list" } | { kind: "remove"; name: string } | { kind: "make"; entry: Omit<WriteKey, "key_sha256"> };

/**
 * What the options ask for.
 * @throws ConfigInvalid that lists all that is wrong with them
 */
function taskOf({ name, origin, rate, list, remove }: Options): Task {
  if ([name, list, remove].filter((given) => given !== undefined).length !== 1)
    throw new ConfigInvalid(["exactly one of --name, --list and --remove says what to do"]);
  if (name === undefined && (origin !== undefined || rate !== undefined))
    throw new ConfigInvalid(["--origin and --rate belong to --name: they say what a new key may do"]);
  if (remove !== undefined) return { kind: "remove", name: remove };
  if (name === undefined) return { kind: "list" };
  const problems: string[] = [];
  const badName = nameProblem(name);
  if (badName !== undefined) problems.push(`--name: ${badName}`);
  const origins = origin?.map((each) => originOf(each, problems));
  const perSecond = rate === undefined ? undefined : rateOf(rate, problems);
  if (problems.length > 0) throw new ConfigInvalid(problems);
  return {
    kind: "make",
    entry: {
      name,
      ...(origins === undefined ? {} : { origins }),
      ...(perSecond === undefined ? {} : { rate: perSecond }),
    },
  };
}

/** An origin as browsers send it: a URL of the origin's front page, as people copy it, is one, too. */
function originOf(given: string, problems: string[]): string {
  const url = URL.parse(given);
  const isFrontPage = url !== null && url.href === `${url.origin}/`;
  const origin = isFrontPage ? url.origin : given;
  const problem = originProblem(origin);
  if (problem !== undefined) problems.push(`--origin: ${problem}`);
  return origin;
}

function rateOf(given: string, problems: string[]): number {
  const rate = /^\d+(\.\d+)?$/.test(given) ? Number(given) : Number.NaN;
  const problem = rateProblem(rate);
  if (problem !== undefined) problems.push(`--rate: ${problem}, not ${JSON.stringify(given)}`);
  return rate;
}

function withNew(keys: WriteKey[], entry: WriteKey): WriteKey[] {
  if (keys.some(({ name }) => name === entry.name))
    throw new WriteKeysRefused(`a key of the name ${JSON.stringify(entry.name)} is there already; remove it first`);
  return [...keys, entry];
}

function without(keys: WriteKey[], name: string): WriteKey[] {
  const others = keys.filter((key) => key.name !== name);
  if (others.length === keys.length) throw new WriteKeysRefused(`there is no key of the name ${JSON.stringify(name)}`);
  return others;
}
