/** Checks a data folder. Only reads, so it is safe beside a running service. */
import { accessSync, closeSync, constants, existsSync, lstatSync, openSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { dataPathProblem } from "../base/data-path.ts";
import { codeOf, MillraceError, messageOf } from "../base/errors.ts";
import type { Share } from "../base/share.ts";
import { lookAtSecret } from "../http/token/keys.ts";
import { holderOf } from "../store/folder/flock.ts";
import { requireKnownFormat } from "../store/folder/format-mark.ts";
import { readKeptText } from "../store/folder/kept-file.ts";
import {
  type DataFolder,
  parseJournalName,
  parseRefusedEventsName,
  parseSegmentName,
  unfinishedSuffix,
} from "../store/folder/names.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";
import { type Entry, modeFindings } from "./modes.ts";

/** A file time further ahead than this means a wrong clock, not just an inexact one. ms */
const aheadMsMax = 5 * 60_000;

/** A server that takes longer to answer is reported. ms */
const answerMsMax = 5_000;

/** Checks a folder and the server that holds it. `hasKey`: the environment gives the key, so the folder need not. */
export async function folderFindings(folder: DataFolder, how: { share: Share; hasKey: boolean }): Promise<Finding[]> {
  const { root } = folder;
  const problem = dataPathProblem(root);
  if (problem !== undefined) return [fail("folder", `its path ${problem}`, "set MILLRACE_DATA_DIR to another path")];
  if (!existsSync(root)) return [placeFinding(root)];
  if (!statSync(root).isDirectory()) return [fail("folder", `${root} is a file`, "set MILLRACE_DATA_DIR to a folder")];
  const findings: Finding[] = [];
  let entries: Entry[];
  try {
    entries = entriesOf(root);
  } catch (error) {
    return [fail("folder", `${root} cannot be read: ${messageOf(error)}`, "run millrace as the user who owns it")];
  }
  if (entries.length > 1 && !existsSync(folder.segments))
    return [
      warn(
        "folder",
        `${root} holds files and is not a data folder: it has no segments`,
        "set MILLRACE_DATA_DIR to a folder of its own",
      ),
    ];
  findings.push(accessFinding(root, entries), formatFinding(folder));
  const holder = holderIn(folder);
  findings.push(await serverFinding(folder, holder));
  const user = process.getuid?.() ?? entries[0]?.user ?? 0;
  findings.push(...modeFindings(entries, { share: how.share, user, root }), secretFinding(folder, how.hasKey));
  findings.push(...contentFindings(folder, entries, holder), timesFinding(root, entries));
  return findings;
}

function placeFinding(root: string): Finding {
  let above = dirname(root);
  while (!existsSync(above) && dirname(above) !== above) above = dirname(above);
  return mayWrite(above)
    ? ok("folder", `${root} is not there yet; the first start makes it`)
    : fail("folder", `${root} cannot be made: ${above} cannot be written`, "make it for the user who runs millrace");
}

function mayWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
    return true;
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return false;
  }
}

/**
 * All files and folders below a folder, itself included. Entries that vanish during the walk, and symbolic links, are
 * skipped.
 */
function entriesOf(root: string): Entry[] {
  return ["", ...readdirSync(root, { recursive: true, encoding: "utf8" })].flatMap((path) => {
    const found = lstatSync(join(root, path), { throwIfNoEntry: false });
    if (found === undefined || found.isSymbolicLink()) return [];
    return [{ path, isFolder: found.isDirectory(), mode: found.mode, user: found.uid }];
  });
}

function accessFinding(root: string, entries: readonly Entry[]): Finding {
  const refused = entries.find(({ path, isFolder }) => isFolder && !mayWrite(join(root, path)));
  if (refused === undefined) return ok("folder", `${root} can be written`);
  return fail(
    "folder",
    `${join(root, refused.path)} cannot be written by this user, or its disk is read-only`,
    "run millrace as the user who owns it, and look at the disk",
  );
}

function formatFinding(folder: DataFolder): Finding {
  try {
    const fault = requireKnownFormat(folder);
    if (fault === undefined) return ok("format", existsSync(folder.format) ? "known" : "of the first versions, or new");
    return warn("format", `its mark ${fault}`, "check the disk; the next start writes it again");
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    return fail("format", messageOf(error), "use the version that wrote the folder, or a later one");
  }
}

/**
 * The id of the process that holds the folder's lock; 0 if that process cannot be seen from here; undefined if none
 * does.
 */
function holderIn({ lock }: DataFolder): number | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(lock, "r");
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return undefined;
  }
  try {
    return holderOf(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

async function serverFinding(folder: DataFolder, holder: number | undefined): Promise<Finding> {
  if (holder === undefined) return ok("server", "none runs on this folder");
  const process = holder === 0 ? "a process" : `process ${holder}`;
  const advice = "look at its log";
  const address = readKeptText(folder.address);
  if (address.kind !== "sound")
    return warn("server", `${process} holds the folder and has not said where it listens`, advice);
  try {
    const url = `${address.value}/api/v1/analytics/health`;
    const response = await fetch(url, { signal: AbortSignal.timeout(answerMsMax) });
    const health: unknown = await response.json();
    const { status, sentences, isWhole } = saidIn(health);
    const text = `${process} at ${address.value} says ${[status, ...sentences].join(" and ")}`;
    if (!response.ok || sentences.length > 0) return warn("server", text, isWhole ? "do what it says" : advice);
    return ok("server", isWhole ? text : `${text}, without details (MILLRACE_METRICS)`);
  } catch (error) {
    return warn("server", `${process} at ${address.value} does not answer (${messageOf(error)})`, advice);
  }
}

/** The status of a health answer, the sentences of its problems and warnings, and whether it has those. */
function saidIn(health: unknown): { status: string; sentences: string[]; isWhole: boolean } {
  const fields = typeof health === "object" && health !== null ? Object.fromEntries(Object.entries(health)) : {};
  const lists = [fields["problems"], fields["warnings"]].filter((list) => Array.isArray(list));
  return {
    status: String(fields["status"] ?? "nothing"),
    sentences: lists.flat().map(String),
    isWhole: lists.length > 0,
  };
}

function secretFinding(folder: DataFolder, hasKey: boolean): Finding {
  try {
    const found = lookAtSecret(folder);
    if (found === undefined)
      return ok("secret", hasKey ? "MILLRACE_JWT_SECRET" : "none yet; the first start makes one");
    const [warning] = found.warnings;
    return warning === undefined ? ok("secret", "sound") : warn("secret", "not as it was written", warning);
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    const text = messageOf(error);
    // With a key in the environment the file is not read.
    return hasKey
      ? warn("secret", text, "or remove it: MILLRACE_JWT_SECRET is used")
      : fail("secret", text, "until then no start is possible");
  }
}

function contentFindings(folder: DataFolder, entries: readonly Entry[], holder: number | undefined): Finding[] {
  const { root } = folder;
  const names = entries.filter(({ isFolder }) => !isFolder).map(({ path }) => path);
  const bytesOf = (paths: readonly string[]) =>
    paths.reduce((sum, path) => sum + (lstatSync(join(root, path), { throwIfNoEntry: false })?.size ?? 0), 0);
  const below = (place: string, is: (file: string) => boolean) =>
    names.filter((path) => dirname(path) === place && is(path.slice(place.length + 1)));
  const segments = below("segments", (file) => parseSegmentName(file) !== undefined);
  const journals = below("journal", (file) => parseJournalName(file) !== undefined);
  const told = (paths: readonly string[], what: string) => `${paths.length} ${what}, ${bytesOf(paths)} bytes`;
  const findings = [
    ok("segments", told(segments, "files")),
    ok(
      "refused events",
      told(
        below("refused", (file) => parseRefusedEventsName(file) !== undefined),
        "files",
      ),
    ),
    ok("journals", told(journals, holder === undefined ? "files; the next start seals what is in them" : "files")),
  ];
  const aside: readonly [string, string[], string][] = [
    [
      "corrupt journals",
      below("journal/corrupt", () => true),
      "keep them, and see src/journal/README.md; remove them when they are of no use",
    ],
    ["refused lines", below("journal/refused", () => true), "read the reasons in them, and send the events again"],
    [
      "unreadable segments",
      names.filter((path) => path.endsWith(".corrupt")),
      "restore them from a snapshot, or remove them",
    ],
    ["quarantine", below("quarantine", () => true), 'run "millrace verify", which lists what is missing'],
    ["erasure", names.filter((path) => /^erasure[^/]*\.damaged/.test(path)), "ask for the erasure again"],
  ];
  for (const [about, paths, advice] of aside)
    if (paths.length > 0) findings.push(warn(about, `${told(paths, "files")}, such as ${paths[0]}`, advice));
  const unfinished = names.filter((path) => path.includes(unfinishedSuffix));
  if (holder === undefined && unfinished.length > 0)
    findings.push(ok("unfinished", `${told(unfinished, "files")}; the next start removes them`));
  return findings;
}

function timesFinding(root: string, entries: readonly Entry[]): Finding {
  const nowMs = Date.now();
  const ahead = entries.find(
    ({ path }) => (lstatSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0) > nowMs + aheadMsMax,
  );
  return ahead === undefined
    ? ok("times", "no file was written later than now")
    : warn("times", `${ahead.path === "" ? root : ahead.path} was written later than now`, "set the clock");
}
