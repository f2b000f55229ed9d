/** Counting again is exact, whatever is accepted, sealed or refused while the keeper counts. */
import { expect, test } from "bun:test";
import { sequence, shardId } from "../../src/base/brand.ts";
import type { PendingPart } from "../../src/shard/worker/flush.ts";
import { SealedCounter } from "../../src/shard/worker/sealed-counts.ts";
import { Tally } from "../../src/shard/worker/tally.ts";
import { prepareDataFolder } from "../../src/store/folder/layout.ts";
import type { SealedCounts } from "../../src/store/segment/rollup.ts";
import { draws, fc } from "../support/property.ts";
import { rowAt, temporaryFolder } from "../support/rows.ts";

const hourMs = 3_600_000;
const nowMs = 500_000 * hourMs;

/**
 * What may happen to a shard: events accepted, the file closed, the oldest part sealed, a line of it refused by DuckDB.
 */
const happening = fc.oneof(
  fc.record({ kind: fc.constant("accept" as const), events: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ kind: fc.constantFrom("rotate" as const, "seal" as const, "sealWithRefused" as const) }),
);

/** A shard's events as they stand: sealed ones by first sequence, parts, and the open file. */
class Model {
  readonly sealed: { from: number; events: number }[] = [];
  readonly parts: PendingPart[] = [];
  open = new Tally();
  openFrom = sequence(1);
  next = 1;
  total = 0;
  counter: SealedCounter | undefined;

  happen(what: { kind: string; events?: number }): void {
    if (what.kind === "accept") this.#accept(what.events ?? 1);
    else if (what.kind === "rotate") this.#rotate();
    else this.#seal(what.kind === "sealWithRefused" ? 1 : 0);
  }

  #accept(events: number): void {
    const tally = new Tally();
    for (let index = 0; index < events; index++) tally.add(rowAt(nowMs));
    this.open.addAll(tally);
    this.counter?.note(tally);
    this.next += events;
    this.total += events;
  }

  #rotate(): void {
    if (this.open.rows === 0) return;
    const part = { path: "", from: this.openFrom, to: sequence(this.next - 1), rows: this.open.rows, bytes: 1 };
    this.parts.push({ shard: shardId(0), part, tally: this.open });
    this.open = new Tally();
    this.openFrom = sequence(this.next);
  }

  #seal(refused: number): void {
    const part = this.parts.shift();
    if (part === undefined) return;
    this.sealed.push({ from: part.part.from, events: part.tally.rows - refused });
    this.total -= refused;
    const hour = nowMs / hourMs;
    if (refused > 0) this.counter?.note({ byCategory: [-1], byHour: new Map([[hour, -1]]) });
  }
}

const countOf = (events: number): SealedCounts => ({
  byCategory: [events],
  byHour: new Map(events === 0 ? [] : [[nowMs / hourMs, events]]),
});

test("the counts are those of all events at the moment at which they are told", async () => {
  using place = temporaryFolder();
  const folder = prepareDataFolder(place.path);
  const happenings = fc.array(happening, { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(happenings, happenings, happenings, async (before, during, after) => {
      const model = new Model();
      const counter = new SealedCounter(
        {
          folder,
          shard: shardId(0),
          shards: 1,
          keeper: {
            settle: async () => undefined,
            seal: async ({ to }) => ({ to, refused: [] }),
            check: async () => 0,
            noteLost: async () => undefined,
            // Time passes before the keeper looks, and again before its answer is here.
            count: async ([stretch]) => {
              await Bun.sleep(0);
              for (const what of during) model.happen(what);
              const events = model.sealed
                .filter(({ from }) => from < (stretch?.before ?? 0))
                .reduce((sum, each) => sum + each.events, 0);
              await Bun.sleep(0);
              for (const what of after) model.happen(what);
              return countOf(events);
            },
          },
        },
        nowMs,
      );
      model.counter = counter;
      for (const what of before) model.happen(what);
      const recounted = counter.recount();
      let told: SealedCounts | undefined;
      counter.turn({
        nowMs,
        monotonicMs: 0,
        pending: () => ({ parts: [...model.parts], open: model.open, openFrom: model.openFrom }),
        onCounted: (counts) => {
          told = counts;
        },
        onFailed: (error) => expect(error).toBeUndefined(),
      });
      await recounted;
      expect(told?.byHour.get(nowMs / hourMs) ?? 0).toBe(model.total);
      expect((told?.byCategory ?? []).reduce((sum, events) => sum + events, 0)).toBe(model.total);
    }),
    draws(150),
  );
});
