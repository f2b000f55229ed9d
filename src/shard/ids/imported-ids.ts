/**
 * Ids of imported events. A shard looks them up before it accepts an event.
 *
 * While an import seals a piece, an id can be in one of three states. *Known*: its event is sealed, so a live event
 * with it is a duplicate. *Watched*: its event is being sealed; a live event with it is accepted, and the import has to
 * check again. *Held*: the piece is being renamed into place; a request with the id waits for some milliseconds until
 * the id is known.
 */
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { DataFolder } from "../../store/folder/names.ts";
import { ImportedIdsFile } from "../../store/ids/imported.ts";
import { listImportedIds } from "../../store/ids/imported-folder.ts";
import { type Claims, idWords } from "./id-table.ts";

/**
 * A step of an import, sent to each shard. `path`: file with the ids of its piece. `reload`: read the folder's files
 * again.
 */
export type ImportStep = { step: "watch" | "hold"; path: string } | { step: "reload" };

/** The files in which one shard looks ids up. */
export class ImportedIds implements Disposable {
  readonly #folder: DataFolder;
  readonly #log: Log;
  #known: ImportedIdsFile[] = [];
  #held: ImportedIdsFile[] = [];
  #watched: ImportedIdsFile | undefined;
  #isTaken = false;

  constructor(folder: DataFolder, log: Log) {
    this.#folder = folder;
    this.#log = log;
    this.#reload();
  }

  /**
   * Carries out a step. Returns true if a live event with a watched id came since the watch began, or if that is not
   * known.
   * @throws the system's error when a file cannot be opened
   */
  take(step: ImportStep): boolean {
    if (step.step === "reload") {
      this.#reload();
      return false;
    }
    const wasWatched = this.#watched?.path === step.path;
    const isTaken = this.#isTaken || !wasWatched;
    for (const each of [this.#watched, ...this.#held]) each?.[Symbol.dispose]();
    this.#watched = undefined;
    this.#held = [];
    this.#isTaken = false;
    const file = ImportedIdsFile.open(step.path);
    if (step.step === "watch") this.#watched = file;
    else this.#held = [file];
    return isTaken;
  }

  /** Returns a mark for each id, 1 if it is known; undefined if none is known, `wait` if one of them is held. */
  look(ids: Claims): Uint8Array | "wait" | undefined {
    if (this.#known.length === 0 && this.#held.length === 0 && this.#watched === undefined) return undefined;
    let known: Uint8Array | undefined;
    for (let index = 0; index < ids.count; index++) {
      const at = index * idWords;
      if (this.#isIn(this.#known, ids.words, at)) {
        known ??= new Uint8Array(ids.count);
        known[index] = 1;
      } else if (this.#isIn(this.#held, ids.words, at)) return "wait";
      else if (this.#watched !== undefined && this.#isIn([this.#watched], ids.words, at)) this.#isTaken = true;
    }
    return known;
  }

  #isIn(files: readonly ImportedIdsFile[], words: Uint32Array, at: number): boolean {
    for (const file of files)
      try {
        if (file.has(words, at)) return true;
      } catch (error) {
        // An event stored twice until the full merge is better than one that is always refused.
        this.#log.error({ error: messageOf(error) }, "imported ids cannot be read; a repeat may be stored twice");
      }
    return false;
  }

  #reload(): void {
    this[Symbol.dispose]();
    for (const { path, isSealed } of listImportedIds(this.#folder))
      try {
        (isSealed ? this.#known : this.#held).push(ImportedIdsFile.open(path));
      } catch (error) {
        this.#log.error({ error: messageOf(error) }, "imported ids cannot be read; a repeat may be stored twice");
      }
  }

  [Symbol.dispose](): void {
    for (const each of [...this.#known, ...this.#held, this.#watched]) each?.[Symbol.dispose]();
    this.#known = [];
    this.#held = [];
    this.#watched = undefined;
    this.#isTaken = false;
  }
}
