/**
 * Ids that came with imported events, as a shard asks for them before it accepts an event.
 *
 * While an import seals a piece, three things can be true of an id: it is *known* (its event is sealed: a repeat),
 * *watched* (its event is being sealed: a live event with this id is accepted, and the import is told to look again),
 * or *held* (the piece gets its name now: whoever sends the id waits for some milliseconds, and then knows).
 */
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { DataFolder } from "../../store/folder/names.ts";
import { ImportedIdsFile } from "../../store/ids/imported.ts";
import { listImportedIds } from "../../store/ids/imported-folder.ts";
import { type Claims, idWords } from "./id-table.ts";

/**
 * What a shard is told of an import. `path`: the ids of its piece. `reload`: the files of the folder are what counts
 * now.
 */
export type ImportStep = { step: "watch" | "hold"; path: string } | { step: "reload" };

/** The files that one shard asks. */
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
   * Takes a step; true where a live event came with a watched id since it was watched, or that is not known.
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

  /** For each id whether it is known; undefined where none is, or `wait` where one of them is held. */
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
        // An event twice until segments are merged for the last time is better than one that is always refused.
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
