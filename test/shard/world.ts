/**
 * Two shards as one process runs them, without threads and without waiting: real shards, real journal files in memory,
 * steps of the disk that fail, a journal that answers late, and a keeper that seals late or fails.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ShardId, shardId } from "../../src/base/brand.ts";
import { JournalNotWritten } from "../../src/base/errors.ts";
import { type DiskSteps, diskSteps } from "../../src/journal/disk-steps.ts";
import { FileJournal } from "../../src/journal/file-journal.ts";
import { Board, createBoardMemory } from "../../src/shard/board.ts";
import { loadIdLogs } from "../../src/shard/ids/id-log.ts";
import { createIdTableMemory, IdTable } from "../../src/shard/ids/id-table.ts";
import { BodyParser } from "../../src/shard/parser/body-parser.ts";
import type { AppendAnswer, AppendRequest } from "../../src/shard/protocol.ts";
import { Shard } from "../../src/shard/worker/shard.ts";
import { journalFilesOf } from "../../src/store/folder/journal-files.ts";
import { prepareDataFolder } from "../../src/store/folder/layout.ts";
import { type CallManner, type JournalCall, LateJournal } from "../support/late-journal.ts";
import { ModelKeeper, type SealManner } from "../support/model-keeper.ts";
import { until } from "../support/until.ts";
import { VirtualTime } from "../support/virtual-time.ts";

/** What goes wrong, and when. Everything is well once `isWell`. */
export type Faults = {
  isWell: boolean;
  journal: (call: JournalCall) => CallManner;
  seal: () => SealManner;
  /** Whether this step of the disk, counted from 0 over all journals, fails. */
  disk: (step: number) => boolean;
};

const promptly: CallManner = { doneAfterMs: 0, answeredAfterMs: 0, isRefused: false };
const sealsWell: SealManner = { commitsAfterMs: 1, answersAfterMs: 1, fails: "not" };

/** One life of a shard, until its thread ends. */
type Life = { shard: Shard; isAlive: boolean; end(): void };

const parser = new BodyParser();

/** A process with its shards. */
export class World implements Disposable {
  readonly time = new VirtualTime();
  readonly keeper: ModelKeeper;
  readonly #path: string;
  readonly #folder;
  readonly #faults: Faults;
  readonly #lives: (Life | undefined)[];
  #steps = 0;
  #idTable = createIdTableMemory();
  #boards: SharedArrayBuffer[];

  constructor(shards: number, faults: Faults) {
    this.#path = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "millrace-test-"));
    this.#folder = prepareDataFolder(this.#path);
    this.#faults = faults;
    this.#lives = Array.from({ length: shards }, () => undefined);
    this.#boards = this.#lives.map(createBoardMemory);
    this.keeper = new ModelKeeper(this.#folder, this.time.part(), () => (faults.isWell ? sealsWell : faults.seal()));
  }

  /** Starts the shards that do not run; a start that the journal refuses is tried again. */
  async start(): Promise<void> {
    for (const [index, life] of this.#lives.entries()) {
      for (let tries = 0; this.#lives[index] === undefined || !this.#lives[index]?.isAlive; tries++) {
        if (tries > 50) throw new Error(`shard ${index} does not start`);
        this.#lives[index] = await this.#born(shardId(index));
      }
      if (life !== undefined && !life.isAlive) await this.time.pass(0);
    }
  }

  /** The board of a shard. */
  board(shard: number): Board {
    const memory = this.#boards[shard];
    if (memory === undefined) throw new Error(`no shard ${shard}`);
    return new Board(memory);
  }

  /** Sends to a shard that runs; resolves once it answered, and never where its life ended before. */
  async send(shard: number, request: AppendRequest): Promise<AppendAnswer | undefined> {
    const [answer] = (await this.#shardOf(shard)?.append([request])) ?? [];
    return answer;
  }

  /** Has a shard seal what it accepted; false while its disk refuses. */
  async seal(shard: number): Promise<boolean> {
    try {
      await this.#shardOf(shard)?.seal();
      return true;
    } catch (error) {
      if (!(error instanceof JournalNotWritten)) throw error;
      return false;
    }
  }

  /** The thread of a shard ends at this instant; what threads share stays. */
  die(shard: number): void {
    this.#lives[shard]?.end();
    new IdTable(this.#idTable, shard).unlockAfterDeath();
    this.board(shard).closeAfterDeath();
  }

  /** The process ends at this instant, and with it all shards and what they share; the next one reads the id logs. */
  restart(): void {
    for (const life of this.#lives) life?.end();
    this.#idTable = createIdTableMemory();
    this.#boards = this.#lives.map(createBoardMemory);
    loadIdLogs(this.#folder, new IdTable(this.#idTable, 0));
  }

  /**
   * What a promise gives, with as much time as it takes. A recovery reads a corrupt file beside the thread, which
   * two minutes of virtual time do not wait for: they pass in 50 ms.
   * @throws when it takes more than two minutes, and 20 s in which the disk may answer
   */
  async given<Value>(promise: Promise<Value>, what: string): Promise<Value> {
    let settled: { value: Value } | undefined;
    let failure: { error: unknown } | undefined;
    promise.then(
      (value) => {
        settled = { value };
      },
      (error: unknown) => {
        failure = { error };
      },
    );
    const isSettled = () => settled !== undefined || failure !== undefined;
    for (let passedMs = 0; !isSettled() && passedMs <= 120_000; passedMs += 50)
      await this.time.pass(passedMs === 0 ? 0 : 50);
    await until(isSettled, { what, limitMs: 20_000, everyMs: 1 });
    if (failure !== undefined) throw (failure as { error: unknown }).error;
    return (settled as unknown as { value: Value }).value;
  }

  #shardOf(index: number): Shard | undefined {
    const life = this.#lives[index];
    return life?.isAlive ? life.shard : undefined;
  }

  async #born(shard: ShardId): Promise<Life | undefined> {
    const time = this.time.part();
    const files: FileJournal[] = [];
    const asker = { isAlive: true };
    const recovered = Shard.recover({
      options: {
        shard,
        shards: this.#lives.length,
        folder: this.#folder,
        ack: "durable",
        flushIntervalMs: 2_000,
        bufferEventsMax: 40,
        bodyBytesMax: 1_000_000,
        logLevel: "silent",
        schemas: { source: undefined },
        descriptors: undefined,
        idTable: this.#idTable,
        boards: this.#boards,
      },
      keeper: this.keeper.askedBy(asker),
      parse: async (left) => parser.parse(left),
      onSealed: () => undefined,
      time,
      openJournal: (each, log) => {
        const file = new FileJournal({
          files: journalFilesOf(this.#folder, each),
          isSynced: true,
          log,
          steps: this.#diskSteps(),
        });
        files.push(file);
        return new LateJournal(file, time, (call) => (this.#faults.isWell ? promptly : this.#faults.journal(call)));
      },
    });
    try {
      const life: Life = {
        shard: await this.given(recovered, "the recovery"),
        isAlive: true,
        end: () => {
          life.isAlive = false;
          asker.isAlive = false;
          time.end();
          for (const file of files) void file.close();
        },
      };
      return life;
    } catch (error) {
      if (!(error instanceof JournalNotWritten)) throw error;
      time.end();
      return undefined;
    }
  }

  /** The steps of a disk that refuses some of them. Nothing is synced: no power is cut here. */
  #diskSteps(): DiskSteps {
    const attempt = () => {
      if (!this.#faults.isWell && this.#faults.disk(this.#steps++))
        throw Object.assign(new Error("EIO: i/o error"), { code: "EIO" });
    };
    return {
      create: (path) => {
        attempt();
        return diskSteps.create(path);
      },
      write: (descriptor, bytes, position) => {
        // Of a write that fails, half is there.
        diskSteps.write(descriptor, bytes.subarray(0, Math.floor(bytes.byteLength / 2)), position);
        attempt();
        diskSteps.write(descriptor, bytes, position);
      },
      sync: attempt,
      syncFolder: attempt,
      cut: (descriptor, lengthBytes) => {
        attempt();
        diskSteps.cut(descriptor, lengthBytes);
      },
      cutDurably: (path, lengthBytes) => {
        attempt();
        diskSteps.cutDurably(path, lengthBytes);
      },
      remove: (path) => {
        attempt();
        diskSteps.remove(path);
      },
      close: diskSteps.close,
    };
  }

  [Symbol.dispose](): void {
    for (const life of this.#lives) life?.end();
    rmSync(this.#path, { recursive: true, force: true });
  }
}
