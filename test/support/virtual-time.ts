/**
 * Time that passes when a test says so: what waits for an hour takes no time, and the same run waits in the same order
 * again.
 */
import type { Time } from "../../src/base/time.ts";

/** Resolves when everything that can go on without time has done so. */
export async function atRest(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

type Timer = { atMs: number; work: () => void; owner: object };

/** A clock with timers, for any number of parts of a program, each of which can end. */
export class VirtualTime {
  #nowMs = 1_800_000_000_000;
  readonly #timers = new Set<Timer>();

  get nowMs(): number {
    return this.#nowMs;
  }

  /** The time of one part; `end` takes away all its timers, as its death does. */
  part(): Time & { end(): void } {
    const owner = { isOver: false };
    const add = (ms: number, work: () => void) => {
      const timer = { atMs: this.#nowMs + Math.max(0, ms), work, owner };
      if (!owner.isOver) this.#timers.add(timer);
      return timer;
    };
    return {
      nowMs: () => this.#nowMs,
      monotonicMs: () => this.#nowMs,
      sleep: (ms) => new Promise((resolve) => add(ms, resolve)),
      after: (ms, work) => {
        add(ms, work);
      },
      every: (ms, work) => {
        let timer: Timer;
        const again = () => {
          timer = add(ms, again);
          work();
        };
        timer = add(ms, again);
        return () => {
          this.#timers.delete(timer);
        };
      },
      end: () => {
        owner.isOver = true;
        for (const timer of this.#timers) if (timer.owner === owner) this.#timers.delete(timer);
      },
    };
  }

  /** Lets this much time pass: timers go off in their order, each when everything before it is at rest. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await atRest();
    for (;;) {
      const [next] = [...this.#timers].filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.work();
      await atRest();
    }
    this.#nowMs = untilMs;
  }
}
