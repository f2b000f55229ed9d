/**
 * Reads every small file of a data folder and says what is wrong with it, and what to do. For `verify` and for health,
 * so no sentence contains the folder's path.
 *
 * Whoever adds a file to a data folder adds it here.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { damagedReceipts } from "./catalog/receipts.ts";
import { requireKnownMark } from "./folder/format-mark.ts";
import { type Kept, readKeptJson, readKeptLines, readKeptText, readNotedText } from "./folder/kept-file.ts";
import { filesIn } from "./folder/layout.ts";
import { type DataFolder, parseIdLogName, summaryFile } from "./folder/names.ts";
import { judgeSecret, mendedWarning } from "./folder/secret-checksum.ts";
import { readIdBlocks } from "./ids/blocks.ts";

/** A finding about a file: its path below the data folder, and a text that follows the path in a sentence. */
export type Finding = { file: string; text: string };

/** Reads all small files. Changes nothing; a file that vanishes meanwhile is not reported. */
export function inspectSmallFiles(folder: DataFolder): Finding[] {
  const { root } = folder;
  const found: Finding[] = [];
  const tell = (path: string, text: string) => found.push({ file: relative(root, path), text });
  const tellDamage = (path: string, kept: Kept<unknown>, advice: string) => {
    if (kept.kind === "damaged") tell(path, `${kept.why}; ${advice}`);
  };
  const mark = requireKnownMark(folder);
  if (mark !== undefined) tell(folder.format, `${mark}; the next start writes it again`);
  for (const fault of damagedReceipts(folder))
    tell(folder.erasures, `${fault}, and is left out of the view "erasures"; restore the file from a snapshot`);
  const erasure = readKeptJson(folder.erasure);
  const isErasure = erasure.kind !== "sound" || "request" in erasure.value;
  tellDamage(
    folder.erasure,
    isErasure ? erasure : { kind: "damaged", why: "does not hold an erasure" },
    "the erasure that was under way cannot be known: send it again",
  );
  for (const { line, why } of readKeptLines(folder.erasureIds).damaged)
    tell(folder.erasureIds, `line ${line} ${why}; the erasure under way cannot continue`);
  for (const file of filesIn(root)) {
    if (file.startsWith("erasure.json.damaged-"))
      tell(
        join(root, file),
        "held an erasure that was under way and cannot be known: send it again, then remove this file",
      );
    if (file.startsWith("erasure-ids.ndjson.damaged-"))
      tell(
        join(root, file),
        "held the anonymous ids of a person who is being erased: send that erasure again, and one for each id that can be read, then remove this file",
      );
  }
  tellDamage(folder.address, readKeptText(folder.address), "start the service again, which writes it");
  tellSecret(folder, tell);
  for (const path of [folder.sealed, folder.unreadable])
    tellDamage(path, readKeptJson(path), "start the service again, which writes it from the segments");
  tellDamage(
    folder.typedViews,
    readKeptJson(folder.typedViews),
    "start the service again, which writes it from its schemas",
  );
  tellDamage(
    folder.alerts,
    readKeptJson(folder.alerts),
    "start the service again, which sends alerts that fire as new ones",
  );
  tellDamage(
    folder.epochs,
    readKeptJson(folder.epochs),
    "start the service again, which writes it; readers of the tail that resume from before are told a gap",
  );
  const summary = join(root, summaryFile);
  tellDamage(summary, readKeptJson(summary), "restore it from another copy of the snapshot");
  for (const file of filesIn(folder.quarantine).filter((each) => each.endsWith(".json"))) {
    const path = join(folder.quarantine, file);
    tellDamage(path, readKeptJson(path), 'run "millrace quarantine" for this segment again');
  }
  for (const file of filesIn(folder.opened)) {
    const path = join(folder.opened, file);
    tellDamage(path, readNotedText(path), "the next journal file writes it again");
  }
  for (const file of filesIn(folder.refused))
    for (const { line, why } of readKeptLines(join(folder.refused, file)).damaged)
      tell(join(folder.refused, file), `line ${line} ${why}; restore the file, or remove the line`);
  for (const file of filesIn(folder.ids).filter((each) => parseIdLogName(each) !== undefined)) {
    const path = join(folder.ids, file);
    if (!existsSync(path)) continue;
    for (const { from, to } of readIdBlocks(path).damaged)
      tell(path, `bytes ${from} to ${to} are damaged; the next start reads their ids again from the segments`);
  }
  return found;
}

function tellSecret(folder: DataFolder, tell: (path: string, text: string) => unknown): void {
  if (!existsSync(folder.secret)) return;
  const judged = judgeSecret(folder, readFileSync(folder.secret));
  const sentence = judged.kind === "mended" ? mendedWarning : "why" in judged ? judged.why : undefined;
  if (sentence === undefined) return;
  const [, name = "secret", text = sentence] = /^(\S+) (.*)$/.exec(sentence) ?? [];
  tell(join(folder.root, name), text);
}
