/** Resident memory of the service: idle, under load, and idle again. */
import { setTimeout as sleep } from "node:timers/promises";
import { figuresOf, goal } from "../core/figures.ts";
import { firstAndLast, median } from "../core/method.ts";
import type { Line } from "../core/result.ts";
import { scenario } from "../core/scenario.ts";
import { batches } from "../load/requests.ts";
import { SqlClient } from "../open-loop/sql-client.ts";
import { lookDuring } from "../system/looks.ts";
import { readMemory } from "../system/sampler.ts";
import { inTrials } from "../trial/rounds.ts";
import type { Trial } from "../trial/trial.ts";

/** What a small machine has to spare. MB, of a million bytes. */
const peakMBMax = 600;

const lookEveryMs = 250;

/** A service that nobody asks ends its spare processes for queries after a minute: with these, they are counted. ms */
const askEveryMs = 20_000;

/**
 * Rest before the load: memory that only the start needed goes back to the system. The rest after the load is longer,
 * because there is more.
 */
const idleSeconds = { own: { before: 3, after: 10 }, quick: { before: 1, after: 3 } };

/** Batches over 64 connections, between two rests. */
export const memory = scenario({
  name: "memory",
  summary: "resident memory idle, under load, and idle again",
  seconds: { own: 30, quick: 5 },
  measure: async (run) => {
    const { rounds, seconds } = run;
    const rest = run.isQuick ? idleSeconds.quick : idleSeconds.own;
    const { found, ...told } = await inTrials(run, { requests: batches(64) }, (trial) =>
      watch(trial, { seconds, rest }),
    );
    const lines = found.map(({ looks }, round): Line => {
      return { name: `round ${round + 1}`, points: looks.map((look) => [look.seconds, look.found]) };
    });
    return {
      about: `Batches of 100 over 64 connections for ${seconds} s, after a rest and a warm-up, and a rest after them; ${rounds} rounds, each with a service of its own. Of all processes of the service together, what they share counted once (PSS); a query every ${askEveryMs / 1e3} s keeps the spare processes for queries among them.`,
      figures: figuresOf({}, found, [
        ["idle after the start", "MB", "lower", ({ idle }) => idle],
        ["first third of the load", "MB", "lower", ({ first }) => first],
        ["last third of the load", "MB", "lower", ({ last }) => last],
        ["peak", "MB", "lower", ({ peakMB }) => peakMB],
        ["idle after the load", "MB", "lower", ({ after }) => after],
        ["last third over first third", "share", "lower", ({ first, last }) => last / first],
      ]),
      goals: [goal("peak", { atMost: peakMBMax })],
      plots: [{ kind: "over time", title: "Resident memory: rest, warm-up, load, rest", unit: "MB", lines }],
      ...told,
    };
  },
});

/** One round. MB */
async function watch(trial: Trial, { seconds, rest }: { seconds: number; rest: { before: number; after: number } }) {
  const { pid } = trial.service;
  const startMs = performance.now();
  const passed = () => (performance.now() - startMs) / 1e3;
  const client = await SqlClient.of(trial.service, trial.signal);
  let askedMs = Number.NEGATIVE_INFINITY;
  const look = async () => {
    if (performance.now() - askedMs > askEveryMs) {
      askedMs = performance.now();
      await client.ask("SELECT 1");
    }
    return readMemory(pid).nowMB;
  };
  const { result: load, looks } = await lookDuring(
    async (lookFailed) => {
      const signal = AbortSignal.any([trial.signal, lookFailed]);
      await sleep(rest.before * 1e3, undefined, { signal });
      const idleUntil = passed();
      await trial.warmUp(signal);
      const from = passed();
      await trial.closedLoop({ seconds, signal });
      const until = passed();
      await sleep(rest.after * 1e3, undefined, { signal });
      return { idleUntil, from, until };
    },
    { everyMs: lookEveryMs, look },
  );
  const between = (from: number, until: number) =>
    looks.filter((look) => look.seconds >= from && look.seconds < until).map((look) => look.found);
  const { peakMB } = readMemory(pid);
  const idle = median(between(0, load.idleUntil));
  return {
    looks,
    idle,
    ...firstAndLast(between(load.from, load.until)),
    after: looks.at(-1)?.found ?? Number.NaN,
    peakMB,
  };
}
