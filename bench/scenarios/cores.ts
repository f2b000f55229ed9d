/** The service bound to few cores, and which of its threads an event costs: where the single main thread ends. */
import { readFileSync } from "node:fs";
import { median } from "../core/method.ts";
import type { Figure, Plot, ScenarioResult } from "../core/result.ts";
import { type Bench, extentOf, type Scenario } from "../core/scenario.ts";
import { auditService } from "../storage/ledger.ts";
import { batches, Loader, type LoadKind, singles } from "../storage/wrk-load.ts";
import { keeperOf } from "../system/family.ts";
import { Service } from "../system/service.ts";
import { cpuByKind, readThreads, type Thread } from "../system/threads.ts";

/** As in the scenarios of speed. */
const kinds = [singles(256), batches(64)];

/** One way to run the service. */
interface Variant {
  readonly side: string;
  readonly cores: number;
  readonly env: Readonly<Record<string, string>>;
}

/** On one core and on two. */
export const cores: Scenario = {
  name: "cores",
  summary: "the service bound to 1 and 2 cores: processor time of an event by thread",
  run: (bench) => run(bench, { scenario: cores, variants: [coresOf(1), coresOf(2)] }),
};

/** On two cores, with one thread for HTTP and with two. */
export const coresHttp: Scenario = {
  name: "cores-http",
  summary: "the same with 1 and 2 HTTP threads on 2 cores; only when it is asked for",
  run: (bench) =>
    run(bench, {
      scenario: coresHttp,
      variants: [coresOf(2), { side: "millrace, 2 HTTP threads", cores: 2, env: { MILLRACE_HTTP_THREADS: "2" } }],
    }),
};

/** One load on one variant. */
interface Measured {
  readonly variant: Variant;
  readonly kind: LoadKind;
  readonly eventsPerSecond: number;
  /** By kind of thread, of one event. Microseconds. */
  readonly cpuUs: ReadonlyMap<string, number>;
}

async function run(bench: Bench, wish: { scenario: Scenario; variants: Variant[] }): Promise<ScenarioResult> {
  const { rounds, seconds } = extentOf(bench, { rounds: 3, seconds: 10, secondsQuick: 3 });
  const result: ScenarioResult = {
    scenario: wish.scenario.name,
    about: `Single events over 256 connections and batches of 100 over 64, ${seconds} s each, ${rounds} rounds; the service bound to the first cores by taskset, wrk free to run anywhere. Processor time is that of the service's process by thread, and of its keeper's, which has DuckDB, as a whole; without the one that merges segments. Workers in the order of their birth: the shards. Pool: the runtime's threads for files.`,
    ...{ figures: [], goals: [], plots: [], warnings: [], audits: [], skipped: [] },
  };
  const taskset = Bun.which("taskset");
  const usable = allowedCores(readFileSync("/proc/self/status", "utf8"));
  const variants = wish.variants.filter(({ side, cores: wanted }) => {
    if (taskset !== null && usable.length >= wanted) return true;
    const reason =
      taskset === null ? "taskset is not installed (Debian: util-linux)" : `there are ${usable.length} cores`;
    result.skipped.push({ side, reason });
    return false;
  });
  const found: Measured[] = [];
  for (let round = 0; round < rounds; round += 1)
    for (const kind of kinds)
      for (const variant of round % 2 === 0 ? variants : variants.toReversed()) {
        bench.progress(`${wish.scenario.name}: round ${round + 1} of ${rounds}: ${kind.name}, ${variant.side}`);
        const launcher = [taskset ?? "taskset", "--cpu-list", usable.slice(0, variant.cores).join(",")];
        found.push(await measure(bench, { variant, kind, launcher, seconds }, result));
      }
  for (const variant of variants)
    for (const kind of kinds) {
      const own = found.filter((each) => each.variant === variant && each.kind === kind);
      result.figures.push(...figuresOf(variant, kind, own));
    }
  result.warnings = [...new Set(result.warnings)];
  result.plots.push(...kinds.map((kind) => plotOf(kind, result.figures)));
  return result;
}

async function measure(
  bench: Bench,
  what: { variant: Variant; kind: LoadKind; launcher: string[]; seconds: number },
  told: Pick<ScenarioResult, "audits" | "warnings">,
): Promise<Measured> {
  const { variant, kind, launcher, seconds } = what;
  await using service = await Service.start({ ...bench, launcher, env: variant.env });
  const { pid } = service;
  // It says so, and starts all the same.
  if (service.logTail.includes("unknown variable"))
    told.warnings.push(`${variant.side}: this service does not know ${Object.keys(variant.env)}, and ran without it`);
  const loader = await Loader.make(bench, service, kind);
  await loader.run({ seconds: bench.warmUpSeconds });
  const keeper = keeperOf(pid);
  const before = readThreads(pid);
  const keeperBefore = keeper === undefined ? [] : readThreads(keeper);
  const load = await loader.run({ seconds });
  const spent = cpuByKind(pid, { before, after: readThreads(pid) });
  if (keeper !== undefined) spent.set("keeper", sumOf(readThreads(keeper)) - sumOf(keeperBefore));
  const events = load.acknowledged * kind.eventsPerRequest;
  told.warnings.push(...loader.warnings);
  told.audits.push(await auditService(service, loader.sent));
  const cpuUs = new Map([...spent].map(([thread, cpuSeconds]) => [thread, (cpuSeconds * 1e6) / events]));
  return { variant, kind, eventsPerSecond: loader.eventsPerSecond(load), cpuUs };
}

const sumOf = (threads: readonly Thread[]) => threads.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);

function figuresOf({ side }: Variant, kind: LoadKind, found: readonly Measured[]): Figure[] {
  const shared = { side, eventsPerRequest: kind.eventsPerRequest, waitsFor: "fsync" } as const;
  const samples = (pick: (measured: Measured) => number) => found.map(pick);
  const threads = [...new Set(found.flatMap(({ cpuUs }) => [...cpuUs.keys()]))];
  const all = ({ cpuUs }: Measured) => cpuUs.values().reduce((sum, us) => sum + us, 0);
  const us = (name: string, pick: (measured: Measured) => number): Figure => {
    return { ...shared, name: `${kind.name}, ${name}`, unit: "us", better: "lower", samples: samples(pick) };
  };
  return [
    {
      ...shared,
      name: kind.name,
      unit: "events/s",
      better: "higher",
      samples: samples((each) => each.eventsPerSecond),
    },
    {
      ...shared,
      name: `${kind.name}, most that the main thread allows`,
      unit: "events/s",
      better: "higher",
      samples: samples(({ cpuUs }) => 1e6 / (cpuUs.get("main thread") ?? Number.NaN)),
    },
    us("all threads", all),
    ...threads.map((thread) => us(thread, ({ cpuUs }) => cpuUs.get(thread) ?? 0)),
  ];
}

function plotOf(kind: LoadKind, figures: readonly Figure[]): Plot {
  const shown = figures.filter(({ name, unit }) => unit === "us" && name.startsWith(`${kind.name}, `));
  return {
    kind: "bars",
    title: `Processor time of one event, ${kind.name}`,
    unit: "us",
    bars: shown.map(({ side, name, samples }) => {
      return { name: `${side}: ${name.slice(kind.name.length + 2)}`, value: median(samples), note: "" };
    }),
  };
}

/** The cores that this process may run on, out of the text of /proc/self/status: `0-3,8`. */
export function allowedCores(status: string): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? "";
  return list.split(",").flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, place) => first + place);
  });
}

function coresOf(count: number): Variant {
  return { side: `millrace, ${count} ${count === 1 ? "core" : "cores"}`, cores: count, env: {} };
}
