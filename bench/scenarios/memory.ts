/** Resident memory of the service: idle, under load, and idle again. */
import { setTimeout as sleep } from "node:timers/promises";
import { firstAndLast, median } from "../core/method.ts";
import type { Figure, Line, ScenarioResult } from "../core/result.ts";
import { type Bench, extentOf, type Scenario } from "../core/scenario.ts";
import { auditService } from "../storage/ledger.ts";
import { batches, Loader } from "../storage/wrk-load.ts";
import { type Look, lookDuring } from "../system/looks.ts";
import { readMemory } from "../system/sampler.ts";
import { Service } from "../system/service.ts";

/** What a small machine has to spare. MB, of a million bytes. */
const peakMBMax = 600;

const lookEveryMs = 250;

/** Before the load: what the start needed and is not used any more goes back to the system. After it: longer, as there is more. */
const idleSeconds = { own: { before: 3, after: 10 }, quick: { before: 1, after: 3 } };

/** Batches over 64 connections, between two rests. */
export const memory: Scenario = { name: "memory", summary: "resident memory idle, under load, and idle again", run };

/** One round. MB */
interface Remembered {
  readonly looks: Look<number>[];
  readonly idle: number;
  readonly first: number;
  readonly last: number;
  readonly after: number;
  readonly peak: number;
}

async function run(bench: Bench): Promise<ScenarioResult> {
  const { rounds, seconds } = extentOf(bench, { rounds: 3, seconds: 30, secondsQuick: 5 });
  const told: Pick<ScenarioResult, "audits" | "warnings"> = { audits: [], warnings: [] };
  const found: Remembered[] = [];
  for (let round = 0; round < rounds; round += 1) {
    bench.progress(`memory: round ${round + 1} of ${rounds}, ${seconds} s of load`);
    found.push(await watch(bench, seconds, told));
  }
  const shared = { side: "millrace", eventsPerRequest: undefined, waitsFor: undefined } as const;
  const megabytes = (name: string, pick: (remembered: Remembered) => number): Figure => {
    return { ...shared, name, unit: "MB", better: "lower", samples: found.map(pick) };
  };
  const lines = found.map(({ looks }, round): Line => {
    return { name: `round ${round + 1}`, points: looks.map((look) => [look.seconds, look.found]) };
  });
  return {
    scenario: memory.name,
    about: `Batches of 100 over 64 connections for ${seconds} s, after a rest and a warm-up, and a rest after them; ${rounds} rounds, each with a service of its own. Of all processes of the service together, what they share counted once (PSS).`,
    figures: [
      megabytes("idle after the start", ({ idle }) => idle),
      megabytes("first third of the load", ({ first }) => first),
      megabytes("last third of the load", ({ last }) => last),
      megabytes("peak", ({ peak }) => peak),
      megabytes("idle after the load", ({ after }) => after),
      {
        ...shared,
        name: "last third over first third",
        unit: "share",
        better: "lower",
        samples: found.map(({ first, last }) => last / first),
      },
    ],
    goals: [{ side: "millrace", name: "peak", bound: { atMost: peakMBMax } }],
    plots: [{ kind: "over time", title: "Resident memory: rest, warm-up, load, rest", unit: "MB", lines }],
    ...told,
    skipped: [],
  };
}

async function watch(
  bench: Bench,
  seconds: number,
  told: Pick<ScenarioResult, "audits" | "warnings">,
): Promise<Remembered> {
  await using service = await Service.start(bench);
  const loader = await Loader.make(bench, service, batches(64));
  const rest = bench.isQuick ? idleSeconds.quick : idleSeconds.own;
  const startMs = performance.now();
  const passed = () => (performance.now() - startMs) / 1e3;
  const { result: load, looks } = await lookDuring(
    async (lookFailed) => {
      const signal = AbortSignal.any([bench.signal, lookFailed]);
      await sleep(rest.before * 1e3, undefined, { signal });
      const idleUntil = passed();
      await loader.run({ seconds: bench.warmUpSeconds, signal });
      const from = passed();
      await loader.run({ seconds, signal });
      const until = passed();
      await sleep(rest.after * 1e3, undefined, { signal });
      return { idleUntil, from, until };
    },
    { everyMs: lookEveryMs, look: async () => readMemory(service.pid).nowMB },
  );
  const between = (from: number, until: number) =>
    looks.filter((look) => look.seconds >= from && look.seconds < until).map((look) => look.found);
  const { peakMB } = readMemory(service.pid);
  told.warnings.push(...loader.warnings);
  told.audits.push(await auditService(service, loader.sent));
  const { first, last } = firstAndLast(between(load.from, load.until));
  const idle = median(between(0, load.idleUntil));
  return { looks, idle, first, last, after: looks.at(-1)?.found ?? Number.NaN, peak: peakMB };
}
